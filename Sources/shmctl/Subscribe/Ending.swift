import ShmBus

/// When `subscribe` has enough.
enum Ending: Sendable {
  /// Only when it is told to, or the bus is removed.
  case never
  /// At the end that was there when it started.
  case atEnd
  /// When everything is read and the last publisher has closed.
  case whenClosed
}

/// Keeps watch on the ending.
struct EndingWatch {
  private let ending: Ending
  /// For each partition the offset where it ends; none for a partition that is not read.
  let ends: [Int: Offset]
  /// Publishers that had attached when it began; nil once one has been there.
  private var admissionsAtStart: UInt64?

  /// `isFromThePast` says that messages from before count: then their publisher does, too.
  init(_ ending: Ending, _ bus: Bus, partitions: [Int], isFromThePast: Bool) throws {
    self.ending = ending
    if case .atEnd = ending {
      let found = try bus.status().partitions.filter { partitions.contains($0.partition) }
      ends = Dictionary(uniqueKeysWithValues: found.map { ($0.partition, $0.cursor) })
    } else {
      ends = [:]
    }
    let hasBeen = bus.hasPublishers || (isFromThePast && bus.publisherAdmissions > 0)
    admissionsAtStart = hasBeen ? nil : bus.publisherAdmissions
  }

  /// Whether a message lies behind the end.
  func excludes(partition: Int, offset: Offset) -> Bool {
    if let end = ends[partition] { offset >= end } else { false }
  }

  /// Asked before the last look for messages, which decides: a publisher that closes has published
  /// before.
  mutating func isClosed(_ bus: Bus) -> Bool {
    guard case .whenClosed = ending else { return false }
    if let known = admissionsAtStart {
      guard bus.publisherAdmissions > known else { return false }
      admissionsAtStart = nil
    }
    return !bus.hasPublishers
  }

  /// Whether every partition has been read up to its end, padding included; in a group, by any
  /// member.
  func isReached(
    by subscriber: borrowing Subscriber, in membership: Membership?, of bus: Bus
  ) throws -> Bool {
    guard case .atEnd = ending else { return false }
    var unread: [Int] = []
    for (partition, end) in ends {
      guard let position = subscriber.position(inPartition: partition) else {
        unread.append(partition)
        continue
      }
      if position < end { return false }
    }
    guard let membership, !unread.isEmpty else { return true }
    let others = try bus.group(membership.group, member: membership.broadcastMember)
    return others.partitions.allSatisfy { partition in
      !unread.contains(partition.partition) || partition.head >= ends[partition.partition] ?? 0
    }
  }
}

import Glibc
import ShmBus

/// A reader that takes everything, in the way of its role, and writes down what it was given, until it is
/// told to leave or to drain.
package struct Watcher {
  /// How it reads. A member of a group would be another one, with a promise of its own.
  package enum Role: String, CaseIterable, Sendable {
    /// Message by message; the next one says that the last is done.
    case subscriber
    /// Commits each message, and is slow at times.
    case slowSubscriber
    /// Polls batches.
    case batchSubscriber
    /// Holds nothing back.
    case observer
  }

  /// How it reads.
  package let role: Role
  /// The bus's.
  package let configuration: BusConfiguration
  /// What it writes down.
  package let diary: Diary
  /// Whether it comes and goes, begins anywhere, and holds messages for a while.
  package let isRestless: Bool
  private var seed: Seed
  /// Where it asked to begin, while it was told nothing of a partition: that may be gone, and it untold.
  private var asked: [Int: Offset] = [:]

  /// A reader that does the same for the same seed, as far as it depends on itself.
  package init(
    _ role: Role, _ configuration: BusConfiguration, _ seed: Seed, diary: Diary,
    isRestless: Bool = false
  ) {
    self.role = role
    self.configuration = configuration
    self.seed = seed
    self.diary = diary
    self.isRestless = isRestless
  }

  /// What it cannot explain by itself.
  package struct Fault: Error, CustomStringConvertible {
    /// The sentence.
    package let description: String
  }

  /// Attaches, reads, leaves, and attaches again, until it is told to leave or its diary is full.
  package mutating func watch(_ bus: Bus) throws {
    repeat { try stay(bus) } while diary.order == .play && !diary.isFull
  }

  private mutating func stay(_ bus: Bus) throws {
    let start = try start(bus)
    let wait = isRestless && seed.oneIn(3) ? WaitStrategy.sleep : .balanced
    var subscriber =
      role == .observer
      ? try bus.observer(from: start, wait: wait) : try bus.subscriber(from: start, wait: wait)
    asked = [:]
    if case .offset(let offset) = start {
      for partition in 0..<configuration.partitions { asked[partition] = offset }
    }
    join(subscriber)
    let isShort = isRestless && seed.oneIn(4)
    // Ends: by order, with the diary, or by chance; drained when publishers are gone and all is read.
    var order: Diary.Order
    while true {
      order = diary.order
      let count = diary.count
      try takeOrTell(&subscriber)
      let isIdle = diary.count == count
      if order == .leave || diary.isFull { break }
      if order == .drain, isIdle, try hasReadAll(bus, subscriber) { break }
      if order == .play, isRestless, seed.oneIn(isShort ? 16 : 20_000) { break }
    }
    for partition in 0..<configuration.partitions {
      let position =
        (order == .drain ? nil : asked[partition]) ?? subscriber.position(inPartition: partition)!
      diary.write(
        Entry(.left, partition: partition, offset: position, extra: order == .drain ? 1 : 0))
    }
  }

  /// A restless one begins anywhere.
  private mutating func start(_ bus: Bus) throws -> StartPosition {
    guard isRestless else { return .earliest }
    switch seed.next() % 4 {
    case 0, 1: return .earliest
    case 2: return .latest
    default:
      // In every partition the same: behind the end of none of them.
      let ends = try bus.status().partitions.map(\.cursor)
      let back = seed.next() % UInt64(configuration.slots * 2)
      let lowest = ends.min() ?? 0
      return .offset(lowest > back ? lowest - back : 0)
    }
  }

  private func join(_ subscriber: borrowing Subscriber) {
    for partition in 0..<configuration.partitions {
      let from = asked[partition] ?? subscriber.position(inPartition: partition)!
      let mayBeOverrun = role == .observer || configuration.whenFull == .overwrite
      let promise = mayBeOverrun ? Promise.gapsAreTold : .everything
      diary.write(
        Entry(.joined, partition: partition, offset: from, extra: promise.rawValue))
    }
    diary.join()
  }

  private func hasReadAll(_ bus: Bus, _ subscriber: borrowing Subscriber) throws -> Bool {
    let status = try bus.status()
    for partition in status.partitions
    where subscriber.position(inPartition: partition.partition) != partition.cursor {
      return false
    }
    return true
  }

  private mutating func takeOrTell(_ subscriber: inout Subscriber) throws {
    do { try take(&subscriber) } catch {
      guard case .gap(let gap) = error as? SubscribeError else { throw error }
      asked[gap.partition] = nil
      diary.write(Entry(.gap, partition: gap.partition, offset: gap.from, extra: gap.to))
    }
  }

  private mutating func take(_ subscriber: inout Subscriber) throws {
    if role == .batchSubscriber {
      var batch = try subscriber.poll(max: 7, timeout: .milliseconds(2))
      while let message = try batch.next() {
        try note(message)
        // What is not taken comes again.
        if isRestless, seed.oneIn(32) { break }
      }
      if !isRestless || seed.oneIn(2) { try batch.commit() }
    } else if var message = try subscriber.next(timeout: .milliseconds(2)) {
      try note(message)
      if role == .slowSubscriber {
        if diary.count.isMultiple(of: 50) { pause(nanoseconds: 300_000) }
        try message.commit()
      }
    }
  }

  private mutating func note(_ message: borrowing Message) throws {
    asked[message.partition] = nil
    let digest = Self.digest(message)
    let name = Pattern.name(of: message.bytes) ?? (publisher: 0, number: 0)
    diary.write(
      Entry(
        .seen, partition: message.partition, offset: message.offset, publisher: name.publisher,
        number: name.number, length: message.bytes.byteCount, extra: digest))
    guard isRestless, seed.oneIn(256) else { return }
    _ = usleep(UInt32(seed.next() % (seed.oneIn(32) ? 60_000 : 2_000)))
    guard Self.digest(message) == digest else {
      throw Fault(description: "message \(message.offset) changed while it was held")
    }
  }

  private static func digest(_ message: borrowing Message) -> UInt64 {
    guard message.hasKey else { return Pattern.digest(message.bytes) }
    return Pattern.digest(message.bytes, key: message.key)
  }

  private func pause(nanoseconds: UInt64) {
    let end = monotonicNanoseconds() + nanoseconds
    while monotonicNanoseconds() < end {}
  }
}

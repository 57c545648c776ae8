/// Why what was published cannot be said to survive the host.
public enum SyncError: Error, Equatable, Sendable {
  /// The bus is kept in memory: create it with a `storage`.
  case notStored
  /// The file system failed: an `errno`. What was synced before is not affected.
  case failed(errno: Int32)
  /// The bus has been removed.
  case removed
  /// Somebody truncated a segment of the bus; nil is the control segment.
  case truncated(partition: Int?)
  /// This process is a forked child: the publisher is its parent's.
  case forked
}

extension SyncError: CustomStringConvertible {
  /// One sentence, with the way out.
  public var description: String {
    switch self {
    case .notStored: "the bus is kept in memory only; create it with --storage DIR"
    case .failed(let errno): Self.sentence(errno)
    case .removed: "the bus has been removed"
    case .truncated(let partition): BusError.truncatedSentence(partition)
    case .forked: BusError.forkedSentence
    }
  }

  static func sentence(_ errno: Int32) -> String {
    "a file of the bus cannot be put on its disk (\(SystemError.text(of: errno))); look at the disk and"
      + " at the kernel's log, then sync again"
  }

  init(_ loss: LossAlarm.Loss) {
    switch loss {
    case .truncated(let partition): self = .truncated(partition: partition)
    case .forked: self = .forked
    }
  }
}

extension Publisher {
  /// Puts everything this publisher has published on the disk: when it returns, that survives the host
  /// (Kafka's `acks=all`). Open loans and batches are not published yet. Costs the disk's time, and nothing
  /// where it was synced already.
  ///
  /// - Throws: ``SyncError``. What was published stays published.
  public func sync() throws(SyncError) { try core.sync() }
}

extension PublisherCore {
  func sync() throws(SyncError) {
    guard bus.configuration.storage != nil else { throw .notStored }
    guard !bus.isRetired else { throw .removed }
    for (partition, segment) in segments.enumerated() {
      guard let stored = segment.stored(in: bus, partition) else { continue }
      // The claim tried last bounds what is this publisher's.
      let announced = segment.ring.publisherCell(UInt64(row)).announced.loadAcquire()
      let end = Packed.offset(announced) &+ Packed.span(announced)
      guard Packed.span(announced) != 0, end > stored.row.durable.loadAcquire() else { continue }
      do throws(SystemError) {
        try stored.synchronize(bus.quarantine(partition, segment.ring))
      } catch {
        throw .failed(errno: error.code)
      }
    }
    if let loss { throw SyncError(loss) }
  }

  /// Of a bus that syncs with every batch: after a commit, before the publish returns. The errno, or 0.
  func syncCommit(_ lane: UnsafeMutablePointer<Lane>) -> Int32 {
    let partition = unsafe lane.pointee.gate.partition
    guard let stored = segments[partition].stored(in: bus, partition) else { return 0 }
    do throws(SystemError) {
      try stored.synchronize(bus.quarantine(partition, segments[partition].ring))
    } catch { return error.code }
    return 0
  }

  /// Raises the ceiling of a stored partition where that is what holds a claim. True if the claim may be
  /// tried anew.
  func raiseCeiling(
    _ lane: UnsafeMutablePointer<Lane>, gate: Offset, span: UInt64
  ) throws(PublishError) -> Bool {
    let partition = unsafe lane.pointee.gate.partition
    guard let stored = segments[partition].stored(in: bus, partition) else { return false }
    // Slots out of use behind it are claimed with it, to pass over them.
    let passes = bus.quarantine(partition, stored.ring).mayHaveRows
    let needed = passes ? span &+ stored.ring.capacity / 4 : span
    guard stored.ring.end &+ needed > stored.row.ceiling.loadAcquire() else { return false }
    do throws(SystemError) { return try stored.raiseCeiling(gate: gate, atLeast: needed) } catch {
      throw .storage(errno: error.code)
    }
  }
}

extension PartitionSegment {
  /// What can be done to it as a file; nil in shared memory.
  func stored(in bus: Bus, _ partition: Int) -> StoredRing? {
    guard fileNumber >= 0 else { return nil }
    return unsafe StoredRing(mapping.base, ring, bus.map.partition(partition), file: fileNumber)
  }
}

// A stored bus and its disk, for anybody who has the bus open.

extension Bus {
  func quarantine(_ partition: Int, _ ring: Ring) -> Quarantine {
    Quarantine(map: map, partition: partition, ring: ring)
  }

  /// Puts everything that is published, by anybody, on the disk.
  ///
  /// - Throws: ``BusError`` `.usage` for a bus that is not stored; `.unavailable` when the file system fails.
  public func sync() throws(BusError) {
    guard let storage = configuration.storage else {
      throw BusError(
        .usage, "bus '\(name)' is kept in memory only; create it with --storage DIR to sync it")
    }
    for partition in 0..<partitions {
      let segment = try segment(partition, writable: false)
      guard let stored = segment.stored(in: self, partition) else { continue }
      do { try stored.synchronize(quarantine(partition, segment.ring)) } catch {
        throw BusError(.unavailable, "cannot sync bus '\(name)' to \(storage)", error)
      }
    }
  }

  /// What a stored bus needs from time to time, from whoever keeps house: a sync, and room ahead of the
  /// publishers, so that none of them waits for the disk.
  ///
  /// - Throws: ``BusError``, as ``sync()``.
  public func tendStorage() throws(BusError) {
    try sync()
    for partition in 0..<partitions {
      let segment = try segment(partition, writable: true)
      guard let stored = segment.stored(in: self, partition) else { continue }
      let gate = Gate(map: map, partition: partition, headsHold: configuration.whenFull == .block)
      let (lowest, _, _) = gate.lowest(in: segment.ring, cursor: segment.ring.cursor.loadAcquire())
      do { _ = try stored.raiseCeiling(gate: lowest, atLeast: 1) } catch {
        throw BusError(.unavailable, "cannot write the header of \(segmentName(partition))", error)
      }
    }
  }

  /// Everything published below it in a partition survives the host; nil where the bus is kept in memory.
  public func durableOffset(partition: Int) -> Offset? {
    guard configuration.storage != nil, (0..<partitions).contains(partition) else { return nil }
    return map.partition(partition).durable.loadAcquire()  // U4
  }
}

// A stored bus and its disk, for anybody who has the bus open.

extension Bus {
  func quarantine(_ partition: Int, _ ring: Ring) -> Quarantine {
    Quarantine(map: map, partition: partition, ring: ring)
  }

  /// Puts everything that is published, by anybody, on the disk.
  ///
  /// - Throws: ``BusError`` `.usage` for a bus that is not stored; `.unavailable` when the file system fails.
  public func sync() throws(BusError) {
    try checkStored()
    for partition in 0..<partitions { try sync(segment(partition, writable: false), partition) }
  }

  /// What a stored bus needs from time to time, from whoever keeps house: a sync, and room ahead of the
  /// publishers, so that none of them waits for the disk.
  ///
  /// - Throws: ``BusError``, as ``sync()``.
  public func tendStorage() throws(BusError) {
    try checkStored()
    for partition in 0..<partitions { try tend(segment(partition, writable: true), partition) }
  }

  /// The same for a partition that is mapped already, writable.
  func tend(_ segment: PartitionSegment, _ partition: Int) throws(BusError) {
    try sync(segment, partition)
    guard let stored = segment.stored(in: self, partition) else { return }
    let gate = Gate(map: map, partition: partition, headsHold: configuration.whenFull == .block)
    let (lowest, _, _) = gate.lowest(in: segment.ring, cursor: segment.ring.cursor.loadAcquire())
    do { _ = try stored.raiseCeiling(gate: lowest, atLeast: 1) } catch {
      throw BusError(.unavailable, "cannot write the header of \(segmentName(partition))", error)
    }
  }

  private func sync(_ segment: PartitionSegment, _ partition: Int) throws(BusError) {
    guard let stored = segment.stored(in: self, partition) else { return }
    do { try stored.synchronize(quarantine(partition, segment.ring)) } catch {
      throw BusError(
        .unavailable, "cannot sync bus '\(name)' to \(configuration.location.directory)", error)
    }
  }

  private func checkStored() throws(BusError) {
    guard configuration.storage != nil else {
      throw BusError(
        .usage, "bus '\(name)' is kept in memory only; create it with --storage DIR to sync it")
    }
  }

  /// Everything published below it in a partition survives the host; nil where the bus is kept in memory.
  public func durableOffset(partition: Int) -> Offset? {
    guard configuration.storage != nil, (0..<partitions).contains(partition) else { return nil }
    return map.partition(partition).durable.loadAcquire()  // U4
  }
}

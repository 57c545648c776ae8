extension Bus {
  /// Frees what the dead left: their open claims become padding, their heads hold nothing back, and
  /// their rows may be used again.
  ///
  /// Nobody needs to call it: whoever is held up by the dead does the same. It disturbs nobody alive.
  ///
  /// - Returns: How many rows of the registry it freed.
  /// - Throws: ``BusError`` when a partition's segment cannot be opened for writing.
  @discardableResult
  public func recover() throws(BusError) -> Int {
    let segments = try writableSegments()
    // Mapped until everything is decided.
    defer { withExtendedLifetime(segments) {} }
    let recovery = Recovery(
      map: map, rings: segments.map(\.ring), control: control.descriptor.number)
    return recovery.sweep()
  }
  /// Writes the sparse index of each partition anew from the messages that are in the ring, where it is not
  /// right.
  ///
  /// Nobody needs to call it either: a lookup by time tolerates entries that are missing or wrong, and takes
  /// longer where many are. It disturbs nobody alive.
  ///
  /// - Returns: How many entries were not right.
  /// - Throws: ``BusError`` when a partition's segment cannot be opened for writing.
  @discardableResult
  public func rebuildIndex() throws(BusError) -> Int {
    let segments = try writableSegments()
    defer { withExtendedLifetime(segments) {} }
    return segments.reduce(0) { $0 + $1.ring.rebuildIndex() }
  }

  private func writableSegments() throws(BusError) -> [PartitionSegment] {
    try checkWhole()
    var segments: [PartitionSegment] = []
    for partition in 0..<partitions { segments.append(try segment(partition, writable: true)) }
    return segments
  }
}

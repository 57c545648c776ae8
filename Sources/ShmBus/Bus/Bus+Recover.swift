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
    try checkWhole()
    var segments: [PartitionSegment] = []
    for partition in 0..<partitions {
      segments.append(try segment(partition, writable: true))
    }
    // Mapped until everything is decided.
    defer { withExtendedLifetime(segments) {} }
    let recovery = Recovery(
      map: map, rings: segments.map(\.ring), control: control.descriptor.number)
    return recovery.sweep()
  }
}

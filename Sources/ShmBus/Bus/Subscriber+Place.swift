// Which partitions are read, and where.

extension Subscriber {
  /// The partitions it has now, ascending: those it was asked to read, or what its group assigned
  /// to it. A member of a group has none before it asked for a message.
  public var assignment: [Int] { unsafe state.pointee.held }

  /// Those of them that are paused, ascending.
  public var paused: [Int] {
    unsafe (state.pointee.trackCount..<state.pointee.heldCount)
      .map { unsafe state.pointee.tracks[$0].partition }.sorted()
  }

  /// Hands out no messages of some partitions until ``resume(_:)``. They stay this subscriber's,
  /// and hold publishers back as before. Partitions that it does not have are left out; in a group,
  /// a partition that comes back is read.
  public mutating func pause(_ partitions: [Int]) {
    for partition in partitions { core.setPaused(partition, true) }
  }

  /// Hands out messages of paused partitions again.
  public mutating func resume(_ partitions: [Int]) {
    for partition in partitions { core.setPaused(partition, false) }
  }

  /// Goes on elsewhere in a partition. In a group the head stays where it is: the next commit moves
  /// it, but never back. `relative` counts from the next message that would be read.
  ///
  /// - Throws: ``BusError`` `.usage` for a partition that it does not have.
  public mutating func seek(partition: Int, to start: StartPosition) throws(BusError) {
    guard let track = unsafe state.pointee.track(partition) else {
      throw BusError(.usage, "partition \(partition) is not this subscriber's")
    }
    unsafe SubscriberCore.seek(track, to: start, verifies: core.bus.configuration.checksum)
  }
}

extension SubscriberCore {
  static func seek(
    _ track: UnsafeMutablePointer<Track>, to start: StartPosition, verifies: Bool
  ) {
    unsafe giveBack(track)
    let standing = unsafe track.pointee.committed ?? track.pointee.returned
    unsafe track.pointee.begin(
      start, latest: track.pointee.ring.end, head: track.pointee.position, verifies: verifies)
    // Below its head nothing was kept for it.
    unsafe track.pointee.protect(from: standing, verifies: verifies)
    unsafe giveBack(track)
  }
}

// Commits: an ephemeral subscriber's only let publishers go on; a member's move its group's head.

extension SubscriberCore {
  /// Everything in a partition below `end` is done.
  @usableFromInline
  static func commit(_ track: UnsafeMutablePointer<Track>, upTo end: Offset) throws(CommitError) {
    if let committed = unsafe track.pointee.committed {
      guard unsafe track.pointee.commit(upTo: end) else { throw unsafe refusal(track) }
      unsafe beat(track, from: committed, to: end)
    } else {
      guard unsafe track.pointee.holds else { return }
      unsafe beat(track, from: track.pointee.returned, to: end)
      unsafe track.pointee.moveHead(to: end)
    }
    unsafe wakePublishers(track)
  }

  /// The same, when the head is moved next: the usual way of it, a member's within the stride.
  @inlinable @inline(__always)
  static func commitLater(_ track: UnsafeMutablePointer<Track>, upTo end: Offset) {
    let ahead = unsafe end &- Packed.offset(track.pointee.left)
    if unsafe rarely(!track.pointee.isMember || ahead >= track.pointee.laterStride) {
      unsafe commitSoon(track, upTo: end)
    } else {
      unsafe track.pointee.later = max(track.pointee.later, end)
    }
  }

  /// The rest: a commit that is due or comes late, and whoever is no member.
  @usableFromInline @inline(never)
  static func commitSoon(_ track: UnsafeMutablePointer<Track>, upTo end: Offset) {
    guard let committed = unsafe track.pointee.committed else {
      if unsafe track.pointee.holds { unsafe track.pointee.moveHead(to: end) }
      return
    }
    unsafe track.pointee.later = max(track.pointee.later, end)
    if unsafe track.pointee.later &- committed >= track.pointee.laterStride,
      unsafe track.pointee.commit(upTo: track.pointee.later)
    {
      unsafe wakePublishers(track)
    }
  }

  static func commit(
    _ state: UnsafeMutablePointer<SubscriberState>, partition: Int, upTo end: Offset
  ) throws(CommitError) {
    guard let track = unsafe state.pointee.track(partition),
      unsafe end <= track.pointee.ring.end
    else { throw .notOwned(partition: partition) }
    try unsafe commit(track, upTo: end)
  }

  /// Why a head could not be moved.
  @inline(never)
  private static func refusal(_ track: UnsafeMutablePointer<Track>) -> CommitError {
    let partition = unsafe track.pointee.partition
    guard let stake = unsafe track.pointee.stake else { return .notOwned(partition: partition) }
    let map = unsafe track.pointee.map
    let group = map.group(stake.group)
    guard group.incarnation.loadAcquire() == stake.use else { return .deleted }
    let owner = map.head(stake.group, partition: partition).owner.loadAcquire()
    if owner == stake.member { return .reset(partition: partition) }
    let interval = unsafe group.fields.pointee.max_poll_interval
    return .fenced(
      partition: partition,
      maxPollInterval: .nanoseconds(Int64(clamping: interval)))
  }

  /// Everything handed out of every partition is done, when the head is moved next.
  func commitAllLater() {
    for place in unsafe 0..<state.pointee.heldCount {
      let track = unsafe state.pointee.tracks + place
      unsafe Self.commitLater(track, upTo: track.pointee.position)
    }
  }
}

extension Subscriber {
  /// Says that everything handed out so far, in every partition, is done.
  ///
  /// - Throws: ``CommitError``, in a group only; the partitions behind the one it names are not
  ///   committed then.
  public mutating func commit() throws(CommitError) {
    for place in unsafe 0..<state.pointee.heldCount {
      let track = unsafe state.pointee.tracks + place
      try unsafe SubscriberCore.commit(track, upTo: track.pointee.position)
    }
  }

  /// Says that everything in a partition below an offset is done: `end` is the next one to be read.
  /// A commit never moves a head back.
  ///
  /// - Throws: ``CommitError``; `.notOwned` also for an offset beyond the end of the partition.
  public mutating func commit(partition: Int, upTo end: Offset) throws(CommitError) {
    try unsafe SubscriberCore.commit(state, partition: partition, upTo: end)
  }

  /// Where a group's head stands in a partition that this member owns: everything below is done.
  /// Nil in every other partition, and outside a group.
  public func committed(inPartition partition: Int) -> Offset? {
    unsafe state.pointee.track(partition).flatMap { unsafe $0.pointee.committed }
  }

  /// Commits what was committed for later, leaves the group if it is in one, and closes.
  ///
  /// - Throws: ``CommitError`` if a head could not be moved; it is closed nevertheless.
  public consuming func close() throws(CommitError) {
    var failure: CommitError?
    for place in unsafe 0..<state.pointee.heldCount {
      let track = unsafe state.pointee.tracks + place
      guard let committed = unsafe track.pointee.committed,
        unsafe track.pointee.later > committed
      else { continue }
      do throws(CommitError) {
        try unsafe SubscriberCore.commit(track, upTo: track.pointee.later)
      } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

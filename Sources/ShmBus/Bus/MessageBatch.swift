import CShmBus

/// Messages of one partition that lie ready, read in place and done all at once.
///
/// ```swift
/// var batch = try subscriber.poll(max: 16)
/// while let message = try batch.next() { handle(message.bytes) }
/// try batch.commit()
/// ```
///
/// What was not taken from a batch is given out again by the next poll.
@frozen @safe
public struct MessageBatch: ~Copyable, ~Escapable {
  @usableFromInline let state: UnsafeMutablePointer<SubscriberState>
  @usableFromInline let place: Int
  @usableFromInline var left: Int

  @inlinable @inline(__always) @_lifetime(immortal)
  init(_ state: UnsafeMutablePointer<SubscriberState>, place: Int, max: Int) {
    unsafe self.state = state
    self.place = place
    left = max
  }

  /// The next message of the batch; nil when there is none ready any more.
  ///
  /// - Throws: ``SubscribeError``, as ``Subscriber/next(timeout:)``.
  @inlinable @inline(__always) @_lifetime(&self)
  public mutating func next() throws(SubscribeError) -> Message? {
    if left == 0 { return nil }
    left &-= 1
    if let message = unsafe Subscriber.read(state.pointee.tracks + place) {
      unsafe Subscriber.count(state)
      return unsafe _overrideLifetime(message, mutating: &self)
    }
    let message = try unsafe SubscriberCore.nextMessage(state, of: place)
    return unsafe _overrideLifetime(message, mutating: &self)
  }

  /// Says that everything taken from the batch is done. Outside a group, the next poll says the
  /// same.
  ///
  /// - Throws: ``CommitError``, in a group only.
  public mutating func commit() throws(CommitError) {
    let track = unsafe state.pointee.tracks + place
    try unsafe SubscriberCore.commit(track, upTo: track.pointee.position)
  }

  /// Says the same, as ``Message/commitLater()``.
  @inlinable @inline(__always)
  public mutating func commitLater() {
    let track = unsafe state.pointee.tracks + place
    unsafe SubscriberCore.commitLater(track, upTo: track.pointee.position)
  }
}

@available(*, unavailable)
extension MessageBatch: Sendable {}

extension Subscriber {
  /// Up to `max` messages of one partition, waiting for the first at most `timeout`. Empty when none came.
  /// Everything handed out before is done.
  ///
  /// - Throws: ``SubscribeError``, as ``next(timeout:)``.
  @inlinable @_lifetime(&self)
  public mutating func poll(
    max: Int, timeout: Duration = .zero
  ) throws(SubscribeError) -> MessageBatch {
    let place = try unsafe Self.readyPartition(state, timeout: timeout)
    let batch = unsafe MessageBatch(state, place: place ?? 0, max: place == nil ? 0 : max)
    return unsafe _overrideLifetime(batch, mutating: &self)
  }

  @inlinable @inline(__always)
  static func readyPartition(
    _ state: UnsafeMutablePointer<SubscriberState>, timeout: Duration
  ) throws(SubscribeError) -> Int? {
    if unsafe state.pointee.trackCount == 1, unsafe state.pointee.runLeft != 0,
      unsafe state.pointee.watched.loadAcquire() == state.pointee.watchedSeen  // B7
    {
      let track = unsafe state.pointee.tracks
      unsafe giveBackIfDue(track)
      if unsafe isReady(track) {
        unsafe state.pointee.runLeft &-= state.pointee.runStep
        return 0
      }
    }
    return try unsafe SubscriberCore.waitForPartition(state, timeout: timeout.nanoseconds)
  }
}

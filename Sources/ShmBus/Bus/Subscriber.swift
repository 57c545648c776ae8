import CShmBus

/// Reads messages from a bus. Belongs to one thread at a time.
///
/// ```swift
/// var subscriber = try bus.subscriber(from: .earliest)
/// while let message = try subscriber.next(timeout: .seconds(1)) {
///   handle(message.bytes)
/// }
/// ```
///
/// It maps partitions read-only. When its process dies, publishers it held go on within milliseconds. It
/// closes when it goes out of scope.
@safe
public struct Subscriber: ~Copyable {
  @usableFromInline let state: UnsafeMutablePointer<SubscriberState>
  let core: SubscriberCore

  init(_ core: SubscriberCore) {
    self.core = core
    unsafe state = core.state
  }

  /// The next message, waiting for it at most `timeout`; nil when none came. Everything handed out before is
  /// done: publishers may overwrite it. In a group only a commit says so.
  ///
  /// Messages of one partition come in order. Between partitions there is no order.
  ///
  /// - Throws: ``SubscribeError``. Reading goes on after it, behind the gap or the damage.
  @inlinable @inline(__always) @_lifetime(&self)
  public mutating func next(timeout: Duration) throws(SubscribeError) -> Message? {
    if let message = unsafe Self.poll(state) {
      return unsafe _overrideLifetime(message, mutating: &self)
    }
    let message = try unsafe Self.waitForNext(state, timeout: timeout)
    return unsafe _overrideLifetime(message, mutating: &self)
  }

  /// The next message, waiting as long as it takes.
  @inlinable @inline(__always) @_lifetime(&self)
  public mutating func next() throws(SubscribeError) -> Message {
    // Ends: with a message or an error.
    while true {
      if let message = unsafe Self.poll(state) {
        return unsafe _overrideLifetime(message, mutating: &self)
      }
      if let message = try unsafe Self.waitForNext(state, timeout: nil) {
        return unsafe _overrideLifetime(message, mutating: &self)
      }
    }
  }

  /// What came of asking for a thread near a partition.
  public var pinning: Pinning { core.pinning }

  /// The next offset it will look at in a partition; nil in one that it does not read.
  public func position(inPartition partition: Int) -> Offset? {
    unsafe state.pointee.track(partition).map { unsafe $0.pointee.position }
  }

  /// Calls `body` for each message until none comes for `timeout`; each is done when `body` returns.
  /// What `body` throws ends it; that message is not done then.
  @inlinable
  public mutating func forEach(
    timeout: Duration, _ body: (borrowing Message) throws -> Void
  ) throws {
    while var message = try next(timeout: timeout) {
      try body(message)
      try message.commit()
    }
  }

  /// What lies ready at the current partition, in place and without waiting: the plain path. Nil for anything
  /// else: another partition's turn, padding, a copy to be made, nothing there.
  @inlinable @inline(__always) @_lifetime(immortal)
  static func poll(_ state: UnsafeMutablePointer<SubscriberState>) -> Message? {
    let track = unsafe state.pointee.tracks + state.pointee.current
    unsafe giveBackIfDue(track)
    if unsafe state.pointee.runLeft == 0 { return nil }
    if unsafe state.pointee.watched.loadAcquire() != state.pointee.watchedSeen { return nil }  // B7
    guard let message = unsafe read(track) else { return nil }
    unsafe state.pointee.runLeft &-= state.pointee.runStep
    unsafe count(state)
    return message
  }

  /// Nothing lay ready: a short spin and another look, then the long way.
  @usableFromInline @inline(never) @_lifetime(immortal)
  static func waitForNext(
    _ state: UnsafeMutablePointer<SubscriberState>, timeout: Duration?
  ) throws(SubscribeError) -> Message? {
    let nanoseconds = timeout?.nanoseconds ?? .max
    if nanoseconds > 0, unsafe SubscriberCore.isSoonReady(state),
      let message = unsafe poll(state)
    {
      return message
    }
    return try unsafe SubscriberCore.waitForMessage(state, timeout: nanoseconds)
  }

  /// Counts a message that is handed out: whoever wonders whether this endpoint is at work looks
  /// here.
  @inlinable @inline(__always)
  static func count(_ state: UnsafeMutablePointer<SubscriberState>) {
    let word = unsafe state.pointee.delivered
    word.storeRelaxed(word.loadRelaxed() &+ 1)
  }

  /// Moves the head when it is a stride behind, or when a publisher may be waiting for it (K5).
  @inlinable @inline(__always)
  static func giveBackIfDue(_ track: UnsafeMutablePointer<Track>) {
    let behind = unsafe track.pointee.position &- track.pointee.returned
    if unsafe rarely(behind >= track.pointee.stride || track.pointee.blocked.loadRelaxed() != 0) {
      unsafe SubscriberCore.giveBack(track)
    }
  }

  /// Whether a message stands at a track's position that may be read in place.
  @inlinable @inline(__always)
  static func isReady(_ track: UnsafeMutablePointer<Track>) -> Bool {
    let position = unsafe track.pointee.position
    let ring = unsafe track.pointee.ring
    let word = ControlWord(ring.header(position).control.loadAcquire())
    return unsafe word.isCommitted(in: ring.lap(position))
      && !track.pointee.mayBeVoid && position >= track.pointee.plainFrom
  }

  /// Takes the message at a track's position if it is ready to be read in place.
  @inlinable @inline(__always) @_lifetime(immortal)
  static func read(_ track: UnsafeMutablePointer<Track>) -> Message? {
    let position = unsafe track.pointee.position
    let ring = unsafe track.pointee.ring
    let header = ring.header(position)
    let word = ControlWord(header.control.loadAcquire())  // R1
    if !word.isCommitted(in: ring.lap(position)) { return nil }
    if unsafe track.pointee.mayBeVoid { return nil }  // R2
    if unsafe position < track.pointee.plainFrom { return nil }
    let span = word.span
    if span &- 1 >= ring.capacity &>> 2 { return nil }
    // Each loaded once and bounded: what a segment says never makes a reader look outside.
    let length = Int(header.length)
    let keyLength = Int(header.keyWord.length)
    if length &+ keyLength > ring.room(inSpan: span) { return nil }
    let end = position &+ span
    unsafe track.pointee.position = end
    return unsafe Message(
      track, header, ring.cell(position), length: length, keyLength: keyLength, offset: position,
      end: end)
  }
}

@available(*, unavailable)
extension Subscriber: Sendable {}

extension Bus {
  /// Attaches an ephemeral subscriber: it holds publishers back (on a `block` bus) until it has read, and
  /// dies with its process.
  ///
  /// - Parameters:
  ///   - start: where to begin in each partition.
  ///   - partitions: which to read; nil means all, and those that are added later.
  ///   - wait: how ``Subscriber/next(timeout:)`` waits.
  ///   - pinning: a partition near whose memory the calling thread is to run from now on:
  ///     ``Subscriber/pinning`` says what came of it. Use the subscriber on that thread.
  /// - Throws: ``BusError`` `.unavailable` when every row for subscribers is in use.
  public func subscriber(
    from start: StartPosition = .latest, partitions: [Int]? = nil, wait: WaitStrategy = .balanced,
    pinning: Int? = nil
  ) throws(BusError) -> Subscriber {
    let chosen = try checked(partitions)
    return Subscriber(
      try SubscriberCore(
        self, .subscriber, chosen: chosen, from: start, wait: wait, pinning: pin(near: pinning)))
  }

  /// Attaches an observer: it disturbs nobody, and may be overrun; then it is told how much it missed.
  public func observer(
    from start: StartPosition = .latest, partitions: [Int]? = nil, wait: WaitStrategy = .balanced,
    pinning: Int? = nil
  ) throws(BusError) -> Subscriber {
    let chosen = try checked(partitions)
    return Subscriber(
      try SubscriberCore(
        self, .observer, chosen: chosen, from: start, wait: wait, pinning: pin(near: pinning)))
  }

  func checked(_ chosen: [Int]?) throws(BusError) -> [Int]? {
    let all = 0..<partitions
    guard let chosen else { return nil }
    guard !chosen.isEmpty else { throw BusError(.usage, "a subscriber needs a partition") }
    for partition in chosen where !all.contains(partition) {
      throw BusError(
        .usage, "bus '\(name)' has no partition \(partition); it has 0 to \(partitions - 1)")
    }
    return Set(chosen).sorted()
  }
}

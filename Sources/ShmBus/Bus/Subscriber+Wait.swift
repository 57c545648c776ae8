import CShmBus
import Glibc

// Everything a subscriber meets that is not a message ready to be read in place: cold code, out of the
// reader's line.

extension SubscriberCore {
  /// What was handed out is done: the head moves up to it, and publishers that wait for that are woken.
  @usableFromInline @inline(never)
  static func giveBack(_ track: UnsafeMutablePointer<Track>) {
    if unsafe track.pointee.holds {
      if unsafe track.pointee.returned != track.pointee.position {
        unsafe beat(track, from: track.pointee.returned, to: track.pointee.position)
        unsafe track.pointee.moveHead(to: track.pointee.position)
        unsafe track.pointee.noticeTrim()
      }
    } else {
      // A member's position says nothing: what it committed for later is done.
      guard unsafe track.pointee.committed != nil else { return }
      _ = unsafe track.pointee.commit(upTo: track.pointee.later)
    }
    unsafe wakePublishers(track)
  }

  /// Says that the reader lives, every 32 slots of its way: never a clock's reading for each message.
  static func beat(
    _ track: UnsafeMutablePointer<Track>, from: Offset, to: Offset
  ) {
    guard (from ^ to) & ~31 != 0 else { return }
    unsafe track.pointee.heartbeat.storeRelaxed(Clock.realtimeOfTick())
  }

  /// Goes on behind what is not handed out. Where nothing before it is left to be committed, it is
  /// done.
  static func goOn(_ track: UnsafeMutablePointer<Track>, to position: Offset) {
    let from = unsafe track.pointee.position
    unsafe track.pointee.position = position
    if let committed = unsafe track.pointee.committed,
      unsafe from == max(committed, track.pointee.later)
    {
      unsafe track.pointee.later = position
    }
  }

  /// Wakes publishers asleep on a track's gate, after its head has moved.
  static func wakePublishers(_ track: UnsafeMutablePointer<Track>) {
    ProcessBarrier.beforeLook()
    guard unsafe track.pointee.blocked.loadRelaxed() != 0 else { return }  // K2
    unsafe Sleepers.publishers(of: track.pointee.partition, in: track.pointee.map).wakeAll()
  }

  /// Looks at every partition, then waits. Nil when nothing came in time.
  @usableFromInline @inline(never) @_lifetime(immortal)
  static func waitForMessage(
    _ state: UnsafeMutablePointer<SubscriberState>, timeout: UInt64
  ) throws(SubscribeError) -> Message? {
    let core = unsafe state.pointee.core.takeUnretainedValue()
    unsafe giveBackAll(state)
    if core.hasChanged { try core.settle() }
    guard let sighted = try unsafe core.waitForSighting(state, timeout: timeout) else { return nil }
    return unsafe core.handOut(state, sighted)
  }

  /// The next message of one partition, in whatever way it must be read. Nil when none is ready.
  @usableFromInline @inline(never) @_lifetime(immortal)
  static func nextMessage(
    _ state: UnsafeMutablePointer<SubscriberState>, of place: Int
  ) throws(SubscribeError) -> Message? {
    let core = unsafe state.pointee.core.takeUnretainedValue()
    let sighting = unsafe core.look(state, place)
    if let loss = core.loss { throw SubscribeError(loss) }
    switch sighting {
    case .nothing, .changed: return nil
    case .failure(let error): throw error
    case .message(let sighted): return unsafe core.handOut(state, sighted)
    }
  }

  /// Finds a partition with a message; nil when none came in time.
  @usableFromInline @inline(never)
  static func waitForPartition(
    _ state: UnsafeMutablePointer<SubscriberState>, timeout: UInt64
  ) throws(SubscribeError) -> Int? {
    let core = unsafe state.pointee.core.takeUnretainedValue()
    unsafe giveBackAll(state)
    if core.hasChanged { try core.settle() }
    // One batch is a run: the next partition has the first turn now.
    if unsafe state.pointee.trackCount > 1 { unsafe state.pointee.runLeft = 0 }
    guard let sighted = try unsafe core.waitForSighting(state, timeout: timeout) else { return nil }
    unsafe state.pointee.current = sighted.place
    unsafe state.pointee.runLeft = state.pointee.run
    return sighted.place
  }

  /// A first short spin without closures, allocation or reference counts: most waits of a busy reader end here,
  /// and what it does after the look that succeeds is time between two messages.
  @usableFromInline @inline(never)
  static func isSoonReady(_ state: UnsafeMutablePointer<SubscriberState>) -> Bool {
    unsafe giveBackAll(state)
    if unsafe !state.pointee.spins || state.pointee.runLeft == 0 { return false }
    let count = unsafe state.pointee.delivered.loadRelaxed()
    let capacity = unsafe state.pointee.tracks[state.pointee.current].ring.capacity
    let pause = unsafe state.pointee.pace.pause(afterReading: count, capacity: capacity)
    if pause > 0 {
      let end = Clock.deadline(in: pause)
      repeat { for _ in 0..<4 { shmbus_pause() } } while Clock.monotonic() < end
    }
    for _ in 0..<64 {
      if unsafe glance(state) { return true }
      shmbus_pause()
    }
    return false
  }

  private func waitForSighting(
    _ state: UnsafeMutablePointer<SubscriberState>, timeout: UInt64
  ) throws(SubscribeError) -> SightedMessage? {
    precondition(!isArmed, "disarm() the subscriber's ReadyDescriptor before asking for messages")
    if let error = untold {
      untold = nil
      throw error
    }
    var deadline: UInt64?
    var changes = 0
    // Ends: at the deadline, or with a look that finds no change.
    while true {
      var sighting = unsafe Self.glance(state) ? scan() : .nothing(stuck: false)
      if sighting.isNothing, timeout > 0 {
        let end = deadline ?? Clock.deadline(in: timeout)
        deadline = end
        _ = waiter.wait(
          until: end, mask: sleepMask, words: sleepWords,
          glance: { unsafe Self.glance(state) },
          look: {
            sighting = scan()
            return look(of: sighting)
          })
      } else if sighting.isNothing {
        sighting = scan()
      }
      switch sighting {
      case .nothing: return nil
      case .changed:
        try settle()
        // Whoever changes a group all the time must not keep us beyond the deadline.
        changes += 1
        guard changes > 16 else { continue }
        let end = deadline ?? Clock.deadline(in: timeout)
        deadline = end
        if Clock.monotonic() >= end { return nil }
      case .failure(let error): throw error
      case .message(let sighted): return sighted
      }
    }
  }

  /// Whether this subscriber's partitions may be others by now.
  var hasChanged: Bool {
    unsafe state.pointee.watched.loadAcquire() != state.pointee.watchedSeen  // B7
  }

  /// A look while nobody asks for a message. An error that it meets is told with the next one that
  /// is asked for, and before it.
  func lookAround() -> Waiter.Look {
    let sighting = scan()
    if case .failure(let error) = sighting {
      untold = error
      unsafe state.pointee.runLeft = 0
    }
    return look(of: sighting)
  }

  /// What a look found, as a waiter wants to know it.
  func look(of sighting: Sighting) -> Waiter.Look {
    guard case .nothing(let stuck) = sighting else { return .ready }
    return stuck ? .stuck : seat?.hasCompany == true ? .company : .idle
  }

  /// Everything handed out is done.
  static func giveBackAll(_ state: UnsafeMutablePointer<SubscriberState>) {
    for place in unsafe 0..<state.pointee.heldCount {
      unsafe giveBack(state.pointee.tracks + place)
    }
  }

  /// Whether some slot at hand has anything of its lap, or of a later one: nothing but the lines that a
  /// message would arrive on. A look at the cursor would cost every publisher a line transfer.
  @inline(__always)
  private static func glance(_ state: UnsafeMutablePointer<SubscriberState>) -> Bool {
    for place in unsafe 0..<state.pointee.trackCount {
      let track = unsafe state.pointee.tracks + place
      let position = unsafe track.pointee.position
      let ring = unsafe track.pointee.ring
      let word = ControlWord(ring.header(position).control.loadRelaxed())  // R3
      // Both lines of a message then come over together, not one after the other.
      unsafe shmbus_prefetch_read(ring.cell(position))
      if !word.isOlder(than: ring.lap(position)) { return true }
    }
    return unsafe state.pointee.watched.loadRelaxed() != state.pointee.watchedSeen
  }

  /// What a look at all partitions found.
  enum Sighting {
    /// Nothing to hand out; `stuck` if a claim is open ahead.
    case nothing(stuck: Bool)
    case message(SightedMessage)
    case failure(SubscribeError)
    /// The partitions must be settled first.
    case changed

    var isNothing: Bool { if case .nothing = self { true } else { false } }
  }

  /// A message whose lengths were loaded once and fit its span.
  struct SightedMessage {
    let place: Int
    let span: UInt64
    let length: Int
    let keyLength: Int
    /// It lies whole in the copy buffer.
    let isCopied: Bool
  }

  /// The partition where it was found becomes the current one.
  @_lifetime(immortal)
  func handOut(
    _ state: UnsafeMutablePointer<SubscriberState>, _ sighted: SightedMessage
  ) -> Message {
    let track = unsafe state.pointee.tracks + sighted.place
    let ring = unsafe track.pointee.ring
    let position = unsafe track.pointee.position
    let end = position &+ sighted.span
    // Who moves a head says it there.
    if unsafe !track.pointee.holds { unsafe Self.beat(track, from: position, to: end) }
    unsafe track.pointee.position = end
    unsafe state.pointee.current = sighted.place
    unsafe state.pointee.runLeft = state.pointee.run
    unsafe Subscriber.count(state)
    let copy = unsafe sighted.isCopied ? state.pointee.copies.base : nil
    let header = unsafe copy.map { unsafe SlotHeader($0) } ?? ring.header(position)
    let payload = unsafe copy.map { unsafe $0 + SlotHeader.size } ?? ring.cell(position)
    return unsafe Message(
      track, header, payload, length: sighted.length, keyLength: sighted.keyLength,
      offset: position, end: end)
  }
}

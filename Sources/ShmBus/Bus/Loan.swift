import CShmBus
import Glibc

/// Slots of a partition that are yours to fill in place: no copy at any size.
///
/// ```swift
/// var loan = try publisher.loan(byteCount: 1 << 19)
/// fill(loan.mutableBytes)
/// let offset = try loan.publish()      // dropped instead: aborted, readers skip it
/// ```
///
/// A loan cannot outlive its publisher, and cannot be used after it was published: neither compiles. Several
/// may be open at a time (64 a partition); readers wait at the oldest open one of all publishers.
@frozen @safe
public struct Loan: ~Copyable, ~Escapable {
  @usableFromInline let state: UnsafeMutablePointer<PublisherState>
  @usableFromInline let lane: UnsafeMutablePointer<Lane>
  @usableFromInline let claimed: Offset
  @usableFromInline let span: UInt64
  @usableFromInline var length: Int
  @usableFromInline let key: SlotHeader.KeyWord

  @usableFromInline @_lifetime(immortal)
  init(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    _ offset: Offset, span: UInt64, length: Int, key: SlotHeader.KeyWord
  ) {
    unsafe self.state = state
    unsafe self.lane = lane
    claimed = offset
    self.span = span
    self.length = length
    self.key = key
  }

  /// The payload's length in bytes.
  public var byteCount: Int { length }

  /// The offset the message will have.
  public var offset: Offset { claimed }

  /// The payload, to be filled. Holds whatever an earlier message left there.
  @inlinable
  public var mutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      let cell = unsafe lane.pointee.ring.cell(claimed)
      let span = unsafe MutableRawSpan(_unsafeStart: cell, byteCount: length)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// Makes the payload shorter than it was lent; the key moves up behind it.
  public mutating func truncate(to byteCount: Int) {
    precondition(byteCount >= 0 && byteCount <= length, "a loan can only become shorter")
    let cell = unsafe lane.pointee.ring.cell(claimed)
    unsafe memmove(cell + byteCount, cell + length, Int(key.length))
    length = byteCount
  }

  /// Makes the message visible and returns its offset.
  ///
  /// - Throws: ``PublishError/fenced`` if the bus went on without this claim. It was not published then.
  @inlinable @discardableResult
  public consuming func publish() throws(PublishError) -> Offset {
    let offset = claimed
    unsafe Publisher.finish(
      state, lane, offset, span: span, length: length, key, claim: (offset, span),
      timestamp: PublisherState.time(state))
    unsafe PublisherCore.closed(lane, offset)
    let isVoid = unsafe Publisher.isVoid(state, lane, offset)
    let state = unsafe state
    discard self
    if isVoid { throw unsafe PublisherCore.refusal(state) }
    return offset
  }

  @inlinable
  deinit { unsafe PublisherCore.abort(state, lane, claimed, span: span) }
}

@available(*, unavailable)
extension Loan: Sendable {}

extension Publisher {
  /// Lends slots for a message of `byteCount` bytes.
  ///
  /// - Throws: ``PublishError``: as ``publish(_:partition:timeout:)-(RawSpan,_,_)``, and
  ///   ``PublishError/heldByOwnLoans`` at once if this publisher's own loans hold the ring, or 64 are open.
  @inlinable @_lifetime(borrow self)
  public func loan(
    byteCount: Int, partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Loan {
    let loan = try unsafe Self.loan(
      state, lane(partition), byteCount, SlotHeader.KeyWord(raw: 0),
      timeout: timeout)
    return unsafe _overrideLifetime(loan, borrowing: self)
  }

  /// Lends slots for a message under a key.
  @inlinable @_lifetime(borrow self)
  public func loan(
    byteCount: Int, key: RawSpan, partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Loan {
    let (lane, word) = try unsafe route(key, partition)
    let loan = try unsafe Self.loan(
      state, lane, byteCount, word, timeout: timeout)
    unsafe key.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress {
        unsafe memcpy(lane.pointee.ring.cell(loan.claimed) + byteCount, source, bytes.count)
      }
    }
    return unsafe _overrideLifetime(loan, borrowing: self)
  }

  @usableFromInline @_lifetime(immortal)
  static func loan(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    _ byteCount: Int, _ key: SlotHeader.KeyWord, timeout: Duration?
  ) throws(PublishError) -> Loan {
    precondition(byteCount >= 0, "a message cannot have a negative length")
    guard byteCount <= Int(UInt32.max) else { throw unsafe tooLarge(state, byteCount) }
    let (offset, span) = try unsafe PublisherCore.openClaim(
      state, lane, byteCount: byteCount + Int(key.length), timeout: timeout)
    return unsafe Loan(state, lane, offset, span: span, length: byteCount, key: key)
  }
}

extension PublisherCore {
  /// Claims slots that stay open for a while.
  static func openClaim(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    byteCount: Int, timeout: Duration?
  ) throws(PublishError) -> (offset: Offset, span: UInt64) {
    let span = unsafe lane.pointee.ring.span(of: byteCount)
    if unsafe span > state.pointee.longestSpan {
      throw unsafe Publisher.tooLarge(state, byteCount)
    }
    let offset = try unsafe openClaim(state, lane, span: span, timeout: timeout)
    return (offset, span)
  }

  static func openClaim(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    span: UInt64, timeout: Duration?
  ) throws(PublishError) -> Offset {
    if unsafe lane.pointee.open.count == OpenClaims.limit { throw .heldByOwnLoans }
    var offset = unsafe Lane.claim(lane, span: span)
    if offset == Lane.held {
      offset = try unsafe claimWhenFree(state, lane, span: span, timeout: timeout)
    }
    unsafe lane.pointee.open.append(offset, span: span)
    // Whoever waits at this claim counts from here, not from an earlier one's end.
    unsafe state.pointee.heartbeat.storeRelaxed(state.pointee.clock.now())
    return offset
  }

  /// After `revoked` has moved: whether the claim stands. What the table says of it is answered.
  @usableFromInline @inline(never)
  static func settle(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    _ offset: Offset
  ) -> Bool {
    let core = unsafe state.pointee.core.takeUnretainedValue()
    core.syncFailure = 0
    let seen = unsafe state.pointee.revoked.loadAcquire()  // before the table, partner: Q4
    let quarantine = unsafe lane.pointee.gate.quarantine(of: lane.pointee.ring)
    let stands = quarantine.settle(offset, owner: core.owner)
    let lanes = unsafe state.pointee.lanes
    let hasOpenClaims = core.segments.indices.contains { unsafe lanes[$0].pointee.open.count > 0 }
    if !hasOpenClaims, !core.syncsCommits { unsafe state.pointee.revokedSeen = seen }
    if core.loss != nil { return false }
    if stands, core.syncsCommits {
      core.syncFailure = unsafe core.syncCommit(lane)
      return core.syncFailure == 0
    }
    // Slots came back into use: somebody may have waited for just that.
    if !stands { unsafe wakePublishers(lane) }
    return stands
  }

  /// Why a claim that was committed does not stand.
  @usableFromInline @inline(never)
  static func refusal(_ state: UnsafeMutablePointer<PublisherState>) -> PublishError {
    let core = unsafe state.pointee.core.takeUnretainedValue()
    if let loss = core.loss { return PublishError(loss) }
    return core.syncFailure == 0 ? .fenced : .storage(errno: core.syncFailure)
  }

  /// A claim was committed: it no longer holds the gate.
  @usableFromInline
  static func closed(_ lane: UnsafeMutablePointer<Lane>, _ offset: Offset) {
    unsafe Lane.close(lane, offset)
    unsafe wakePublishers(lane)
  }

  /// A loan was dropped: padding, and readers that wait at it go on.
  @usableFromInline
  static func abort(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    _ offset: Offset, span: UInt64
  ) {
    unsafe state.pointee.heartbeat.storeRelaxed(state.pointee.clock.now())
    unsafe lane.pointee.ring.abort(offset, span: span, publisher: lane.pointee.publisher)
    unsafe Lane.close(lane, offset)
    ProcessBarrier.beforeLook()
    _ = unsafe Publisher.isVoid(state, lane, offset)
    if unsafe lane.pointee.sleepers.loadRelaxed() != 0 { unsafe wakeSubscribers(lane) }  // K2
    unsafe wakePublishers(lane)
  }
}

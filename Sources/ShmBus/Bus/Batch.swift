import CShmBus
import Glibc

/// Several messages that become visible as one: one claim, one compare-and-swap, one wake.
///
/// ```swift
/// var batch = try publisher.batch(slots: 16)
/// for line in lines where try !batch.append(line) { break }   // false: no room for it
/// try batch.publish()                                          // dropped instead: none of them
/// ```
///
/// Slots that were not filled become padding. All messages of a batch carry one timestamp.
@frozen @safe
public struct Batch: ~Copyable, ~Escapable {
  @usableFromInline let state: UnsafeMutablePointer<PublisherState>
  @usableFromInline let lane: UnsafeMutablePointer<Lane>
  @usableFromInline let start: Offset
  @usableFromInline let end: Offset
  @usableFromInline let timestamp: UInt64
  @usableFromInline var next: Offset
  /// The message appended last.
  @usableFromInline var last: Offset = 0
  @usableFromInline var firstSpan: UInt64 = 0
  @usableFromInline var messages = 0

  @usableFromInline @_lifetime(immortal)
  init(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    _ offset: Offset, slots: Int
  ) {
    unsafe self.state = state
    unsafe self.lane = lane
    start = offset
    end = offset &+ UInt64(slots)
    next = offset
    timestamp = unsafe state.pointee.clock.now()
  }

  /// The offset of the first message.
  public var offset: Offset { start }

  /// How many messages it holds.
  public var count: Int { messages }

  /// How many slots are left.
  public var slotsLeft: Int { Int(end &- next) }

  /// Appends a copy of `payload`; false if it does not fit any more.
  @inlinable
  public mutating func append(_ payload: RawSpan) -> Bool {
    append(payload, key: RawSpan(), SlotHeader.KeyWord(raw: 0))
  }

  /// Appends a copy of `payload` under a key; false if it does not fit any more. The batch's partition
  /// stays what it is.
  @inlinable
  public mutating func append(_ payload: RawSpan, key: RawSpan) -> Bool {
    precondition(key.byteCount <= Int(UInt16.max), "a key has at most 65,535 bytes")
    return append(payload, key: key, SlotHeader.KeyWord(key))
  }

  @inlinable @inline(__always)
  mutating func append(
    _ payload: RawSpan, key: RawSpan, _ word: SlotHeader.KeyWord
  ) -> Bool {
    let ring = unsafe lane.pointee.ring
    let count = payload.byteCount
    let span = ring.span(of: count &+ key.byteCount)
    let offset = next
    if span > end &- offset { return false }
    unsafe Lane.prepare(lane, beyond: offset)
    unsafe Publisher.copy(payload, key, to: ring.cell(offset))
    let isFirst = offset == start
    let flags = isFirst ? 0 : UInt64(SlotHeader.Flag.insideBatch) &<< 48
    unsafe Publisher.fillHeader(
      state, ring, offset, length: count, SlotHeader.KeyWord(raw: word.raw | flags),
      timestamp: timestamp)
    if isFirst {
      firstSpan = span
    } else {
      // For whoever recovers a stored ring: part of a batch is none of it.
      if unsafe state.pointee.checksum { ring.header(last).markContinued() }
      unsafe ring.commit(offset, span: span, publisher: lane.pointee.publisher)
    }
    last = offset
    next = offset &+ span
    messages &+= 1
    return true
  }

  /// Makes all messages visible at once; returns the offset of the first. An empty batch is aborted.
  ///
  /// - Throws: ``PublishError/fenced`` if the bus went on without this claim: none was published then.
  @inlinable @discardableResult
  public consuming func publish() throws(PublishError) -> Offset {
    let offset = start
    if messages == 0 {
      unsafe PublisherCore.abort(state, lane, start, span: end &- start)
      discard self
      return offset
    }
    let ring = unsafe lane.pointee.ring
    if next != end { unsafe PublisherCore.pad(lane, from: next, to: end) }
    unsafe Lane.note(lane, start, span: end &- start, timestamp: timestamp)
    unsafe state.pointee.heartbeat.storeRelaxed(timestamp)
    unsafe ring.commit(start, span: firstSpan, publisher: lane.pointee.publisher)  // K1
    unsafe Publisher.wakeSleepers(state, lane)
    unsafe PublisherCore.closed(lane, offset)
    let isVoid = unsafe Publisher.isVoid(state, lane, offset)
    let state = unsafe state
    discard self
    if isVoid { throw unsafe PublisherCore.refusal(state) }
    return offset
  }

  @inlinable
  deinit { unsafe PublisherCore.abort(state, lane, start, span: end &- start) }
}

@available(*, unavailable)
extension Batch: Sendable {}

extension Publisher {
  /// Claims `slots` slots for a batch; each message takes one, or as many as its bytes need.
  ///
  /// - Throws: ``PublishError``, as ``loan(byteCount:partition:timeout:)``.
  @inlinable @_lifetime(borrow self)
  public func batch(
    slots: Int, partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Batch {
    let batch = try unsafe Self.batch(
      state, lane(partition, wholeBatch: true), slots: slots, timeout: timeout)
    return unsafe _overrideLifetime(batch, borrowing: self)
  }

  @usableFromInline @_lifetime(immortal)
  static func batch(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>, slots: Int,
    timeout: Duration?
  ) throws(PublishError) -> Batch {
    precondition(slots > 0, "a batch needs at least one slot")
    if unsafe UInt64(slots) > state.pointee.longestSpan {
      throw unsafe tooLarge(state, slots * Int(lane.pointee.ring.slotSize))
    }
    let offset = try unsafe PublisherCore.openClaim(
      state, lane, span: UInt64(slots), timeout: timeout)
    return unsafe Batch(state, lane, offset, slots: slots)
  }

  /// Publishes several messages as one batch, to one partition; returns the offset of the first.
  @inlinable @discardableResult
  public func publish(
    batch payloads: [[UInt8]], partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Offset {
    let ring = unsafe state.pointee.lanes.pointee.pointee.ring
    let slots = payloads.reduce(0) { $0 + Int(ring.span(of: $1.count)) }
    var batch = try batch(slots: max(1, slots), partition: partition, timeout: timeout)
    for payload in payloads { _ = unsafe batch.append(payload.span.bytes) }
    return try batch.publish()
  }
}

extension PublisherCore {
  /// The unfilled rest of a batch: padding inside it, written before the batch is decided.
  @usableFromInline
  static func pad(_ lane: UnsafeMutablePointer<Lane>, from offset: Offset, to end: Offset) {
    let ring = unsafe lane.pointee.ring
    ring.header(offset).fill(
      length: 0, timestamp: 0,
      key: SlotHeader.KeyWord(hash: 0, length: 0, flags: SlotHeader.Flag.insideBatch))
    unsafe ring.abort(offset, span: end &- offset, publisher: lane.pointee.publisher)
  }
}

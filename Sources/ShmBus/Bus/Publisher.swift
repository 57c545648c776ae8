import CShmBus
import Glibc

/// Publishes messages to a bus. Belongs to one thread at a time.
///
/// Publishing costs no system call, allocation or lock beyond one compare-and-swap. When its process dies,
/// others resolve what it left within milliseconds. It closes when it goes out of scope.
@safe
public struct Publisher: ~Copyable {
  @usableFromInline let state: UnsafeMutablePointer<PublisherState>
  let core: PublisherCore

  init(_ core: PublisherCore) {
    self.core = core
    unsafe state = core.state
  }

  /// Publishes a copy of `payload` and returns its offset.
  ///
  /// - Parameters:
  ///   - payload: its bytes; none is a message too.
  ///   - partition: where to; nil lets the partitioner choose.
  ///   - timeout: how long to wait while the ring is full; nil is the publisher's own (60 s unless set).
  /// - Throws: ``PublishError``. Nothing was published then.
  @inlinable @inline(__always) @discardableResult
  public func publish(
    _ payload: RawSpan, partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Offset {
    let lane = try unsafe lane(partition)
    return try unsafe Self.publish(
      state, lane, payload, key: RawSpan(), SlotHeader.KeyWord(raw: 0),
      timeout: timeout)
  }

  /// Publishes a copy of `payload` under a key: messages of one key keep their order, in the partition where
  /// Kafka would put it. The key is up to 65,535 bytes long and counts towards the largest message.
  @inlinable @discardableResult
  public func publish(
    _ payload: RawSpan, key: RawSpan, partition: Int? = nil, timeout: Duration? = nil
  ) throws(PublishError) -> Offset {
    let (lane, word) = try unsafe route(key, partition)
    return try unsafe Self.publish(state, lane, payload, key: key, word, timeout: timeout)
  }

  /// Where a message under a key goes, and what its header says of the key.
  @inlinable @inline(__always)
  func route(
    _ key: RawSpan, _ partition: Int?
  ) throws(PublishError) -> (UnsafeMutablePointer<Lane>, SlotHeader.KeyWord) {
    guard key.byteCount <= Int(UInt16.max) else {
      throw .tooLarge(byteCount: key.byteCount, limit: Int(UInt16.max))
    }
    let word = SlotHeader.KeyWord(key)
    unsafe Self.noticePartitions(state)
    let keyed = unsafe Murmur2.partition(
      ofHash: word.hash, among: state.pointee.choice.partitions)
    return (try unsafe lane(partition ?? keyed), word)
  }

  /// The partition a key goes to.
  public func partition(forKey key: RawSpan) -> Int {
    unsafe Murmur2.partition(ofHash: Murmur2.hash(key), among: state.pointee.choice.partitions)
  }

  /// What came of asking for a thread near a partition.
  public var pinning: Pinning { core.pinning }

  /// Says that this publisher is at work on its open loans: call it within the bus's claim timeout.
  public func keepAlive() {
    let now = unsafe state.pointee.clock.now()
    unsafe state.pointee.heartbeat.storeRelaxed(now)
  }

  /// The lane of an explicit partition, or of the partitioner's choice.
  @inlinable @inline(__always)
  func lane(
    _ partition: Int?, wholeBatch: Bool = false
  ) throws(PublishError) -> UnsafeMutablePointer<Lane> {
    unsafe Self.noticePartitions(state)
    let partitions = unsafe state.pointee.choice.partitions
    var chosen = 0
    if let partition {
      if rarely(partition < 0 || partition >= partitions) { throw .noSuchPartition(partition) }
      chosen = partition
    } else if partitions != 1 {
      chosen =
        unsafe wholeBatch
        ? state.pointee.choice.nextBatch() : state.pointee.choice.next()
    }
    return unsafe state.pointee.lanes[chosen]
  }

  /// Takes in partitions that were added to the bus (Y2).
  @inlinable @inline(__always)
  static func noticePartitions(_ state: UnsafeMutablePointer<PublisherState>) {
    if unsafe rarely(state.pointee.partitionCount.loadAcquire() != state.pointee.partitionsSeen) {
      unsafe PublisherCore.grow(state)
    }
  }

  /// Claim, copy, commit, look for sleepers: the whole path of a message.
  @inlinable @inline(__always)
  static func publish(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    _ payload: RawSpan, key: RawSpan, _ word: SlotHeader.KeyWord, timeout: Duration?
  ) throws(PublishError) -> Offset {
    let count = payload.byteCount
    let span = unsafe lane.pointee.ring.span(of: count &+ key.byteCount)
    if unsafe rarely(span > state.pointee.longestSpan) {
      throw unsafe tooLarge(state, count &+ key.byteCount)
    }
    var offset = unsafe Lane.claim(lane, span: span)
    if rarely(offset == Lane.held) {
      offset = try unsafe PublisherCore.claimWhenFree(state, lane, span: span, timeout: timeout)
    }
    unsafe Lane.prepare(lane, beyond: offset)
    // Before the slot is written: the counter's read waits for the stores before it, and those for the
    // reader's core. After them it would double the cost of a message.
    let timestamp = unsafe state.pointee.clock.now()
    unsafe copy(payload, key, to: lane.pointee.ring.cell(offset))
    unsafe finish(
      state, lane, offset, span: span, length: count, word, claim: (offset, span),
      timestamp: timestamp)
    if unsafe rarely(isVoid(state, lane, offset)) { throw unsafe PublisherCore.refusal(state) }
    return offset
  }

  /// The payload, and the key behind it.
  @inlinable @inline(__always)
  static func copy(_ payload: RawSpan, _ key: RawSpan, to cell: UnsafeMutableRawPointer) {
    unsafe payload.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress { unsafe shmbus_copy(cell, source, bytes.count) }
    }
    unsafe key.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress {
        unsafe memcpy(cell + payload.byteCount, source, bytes.count)
      }
    }
  }

  /// Header, index, commit, wake. `claim` is the whole claim that the commit decides.
  @inlinable @inline(__always)
  static func finish(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    _ offset: Offset, span: UInt64, length: Int, _ word: SlotHeader.KeyWord,
    claim: (offset: Offset, span: UInt64), timestamp: UInt64
  ) {
    let ring = unsafe lane.pointee.ring
    unsafe fillHeader(state, ring, offset, length: length, word, timestamp: timestamp)
    unsafe Lane.note(lane, claim.offset, span: claim.span, timestamp: timestamp)
    unsafe state.pointee.heartbeat.storeRelaxed(timestamp)
    unsafe ring.commit(offset, span: span, publisher: lane.pointee.publisher)  // K1
    unsafe wakeSleepers(state, lane)
  }

  @inlinable @inline(__always)
  static func fillHeader(
    _ state: UnsafeMutablePointer<PublisherState>, _ ring: Ring, _ offset: Offset, length: Int,
    _ word: SlotHeader.KeyWord, timestamp: UInt64
  ) {
    let header = ring.header(offset)
    if unsafe !rarely(state.pointee.checksum) {
      header.fill(
        length: UInt32(truncatingIfNeeded: length), timestamp: timestamp, key: word)
    } else {
      let bytes = length &+ Int(word.length)
      let sum = unsafe shmbus_crc32c(
        SlotHeader.checksumStart(offset), ring.cell(offset), bytes)
      header.setChecksum(sum)
      header.fill(
        length: UInt32(truncatingIfNeeded: length), timestamp: timestamp,
        key: SlotHeader.KeyWord(
          raw: word.raw | UInt64(SlotHeader.Flag.checksum) &<< 48))
    }
  }

  /// After a commit: nothing to do unless a subscriber may be asleep.
  @inlinable @inline(__always)
  static func wakeSleepers(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>
  ) {
    shmbus_compiler_barrier()
    if unsafe rarely(lane.pointee.sleepers.loadRelaxed() != 0) {  // K2
      unsafe PublisherCore.wakeSubscribers(lane)
    }
  }

  /// Whether the claim that was just decided had been taken out of use meanwhile (K4: after the
  /// commit and a compiler barrier; the quarantiner's membarrier does the rest).
  @inlinable @inline(__always)
  static func isVoid(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    _ offset: Offset
  ) -> Bool {
    let moved = unsafe rarely(state.pointee.revoked.loadRelaxed() != state.pointee.revokedSeen)
    return unsafe moved && !PublisherCore.settle(state, lane, offset)
  }

  @usableFromInline @inline(never)
  static func tooLarge(
    _ state: UnsafeMutablePointer<PublisherState>, _ byteCount: Int
  ) -> PublishError {
    let limit = unsafe state.pointee.longestSpan * state.pointee.lanes.pointee.pointee.ring.slotSize
    return .tooLarge(byteCount: byteCount, limit: Int(limit))
  }
}

@available(*, unavailable)
extension Publisher: Sendable {}

extension Bus {
  /// Attaches a publisher.
  ///
  /// - Parameters:
  ///   - partitioner: where messages without key and partition go.
  ///   - timeout: how long a publish waits while the ring is full, unless it says otherwise.
  ///   - wait: how it waits then.
  ///   - pinning: a partition near whose memory the calling thread is to run from now on:
  ///     ``Publisher/pinning`` says what came of it. Use the publisher on that thread.
  /// - Throws: ``BusError`` `.unavailable` when every row for publishers is in use; `.usage` for a
  ///   partition that the bus has not.
  public func publisher(
    partitioner: Partitioner = .sticky, timeout: Duration = .seconds(60),
    wait: WaitStrategy = .balanced, pinning: Int? = nil
  ) throws(BusError) -> Publisher {
    let pinning = try pin(near: pinning)
    return Publisher(
      try PublisherCore(
        self, partitioner: partitioner, wait: wait, timeout: timeout, home: homeNode,
        pinning: pinning))
  }
}

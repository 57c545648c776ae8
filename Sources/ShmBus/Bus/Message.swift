import CShmBus

/// One message, read in place: its bytes are the ring's own where the gate protects them.
///
/// It cannot outlive its subscriber, and no second one can be asked for while it is held: neither compiles.
/// Copy what must stay. (A copy of the value itself is another view of the same bytes: decision 0009.)
@frozen @safe
public struct Message: ~Escapable {
  @usableFromInline let header: SlotHeader
  @usableFromInline let payload: UnsafeRawPointer
  @usableFromInline let track: UnsafeMutablePointer<Track>
  /// Bounded by the message's span when it was read; the segment's own fields are not believed again.
  @usableFromInline var length: Int
  @usableFromInline var keyLength: Int
  /// The message's offset in its partition.
  public let offset: Offset
  @usableFromInline let end: Offset

  @inlinable @inline(__always) @_lifetime(immortal)
  init(
    _ track: UnsafeMutablePointer<Track>, _ header: SlotHeader, _ payload: UnsafeRawPointer,
    length: Int, keyLength: Int, offset: Offset, end: Offset
  ) {
    unsafe self.track = track
    self.header = header
    unsafe self.payload = payload
    self.length = length
    self.keyLength = keyLength
    self.offset = offset
    self.end = end
  }

  /// The partition it came from.
  @inlinable public var partition: Int { unsafe track.pointee.partition }

  /// When it was published, in nanoseconds since 1970.
  @inlinable public var timestamp: UInt64 { header.timestamp }

  /// The payload.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: payload, byteCount: length)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The key; empty when the message has none.
  @inlinable
  public var key: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: payload + length, byteCount: keyLength)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Whether it was published under a key, which may be empty.
  @inlinable public var hasKey: Bool { header.keyWord.flags & SlotHeader.Flag.key != 0 }

  /// Says that the message, and all before it in its partition, is done: publishers may overwrite
  /// it. It is empty afterwards. Outside a group, asking for the next message says the same. In a
  /// group the head has moved when this returns, and whoever reads the partition next begins behind
  /// the message.
  ///
  /// - Throws: ``CommitError``, in a group only. The message is delivered again then.
  public mutating func commit() throws(CommitError) {
    length = 0
    keyLength = 0
    try unsafe SubscriberCore.commit(track, upTo: end)
  }

  /// Says the same, but leaves the head where it is until it is some 30 slots behind, a publisher
  /// waits for it, there is nothing more to read, the partition is revoked or the subscriber
  /// closes. If the process dies before, what was only committed for later is delivered again. It
  /// never fails: what it could not commit is told by ``GroupOptions/onChange`` as lost.
  @inlinable @inline(__always)
  public mutating func commitLater() {
    length = 0
    keyLength = 0
    unsafe SubscriberCore.commitLater(track, upTo: end)
  }

  /// Whether its bytes may have been overwritten, because the group's partition went to another
  /// member or was reset since the message was handed out. Its commit will fail.
  public var isVoid: Bool {
    acquireFence()  // O4: what was read of it comes before the look at the term. Partner: H3.
    return unsafe track.pointee.isVoid
  }

  /// A copy that may go anywhere. In a group it is whole if ``isVoid`` is false afterwards.
  public func copy() -> OwnedMessage {
    OwnedMessage(
      partition: partition, offset: offset, timestamp: timestamp,
      key: hasKey
        ? unsafe Array(UnsafeRawBufferPointer(start: payload + length, count: keyLength))
        : nil,
      payload: unsafe Array(UnsafeRawBufferPointer(start: payload, count: length)))
  }
}

@available(*, unavailable)
extension Message: Sendable {}

/// A message copied out of the ring.
public struct OwnedMessage: Sendable, Equatable {
  /// The partition it came from.
  public let partition: Int
  /// Its offset in that partition.
  public let offset: Offset
  /// When it was published, in nanoseconds since 1970.
  public let timestamp: UInt64
  /// The key, if it was published under one.
  public let key: [UInt8]?
  /// The payload.
  public let payload: [UInt8]
}

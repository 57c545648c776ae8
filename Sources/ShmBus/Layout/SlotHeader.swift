import CShmBus
import Synchronization

/// One slot's header in shared memory, by its fields (`shmbus_slot_header` draws the bytes).
@frozen @safe @usableFromInline
struct SlotHeader {
  @usableFromInline static var size: Int { 64 }

  @usableFromInline let base: UnsafeMutableRawPointer

  @inlinable @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  /// The bits of `flags`.
  @usableFromInline
  enum Flag {
    /// Not the first message of its batch: no place to start reading.
    @inlinable static var insideBatch: UInt16 { 1 }
    @inlinable static var producer: UInt16 { 2 }
    @inlinable static var key: UInt16 { 4 }
    @inlinable static var checksum: UInt16 { 8 }
    /// The batch goes on behind this message: without the next one, the batch is not whole.
    @inlinable static var continues: UInt16 { 16 }
    /// Padding that stands for what a reboot took.
    @inlinable static var lost: UInt16 { 32 }
  }

  @inlinable var control: SharedWord {
    @inline(__always) get { unsafe SharedWord(base, at: 16) }
  }

  // The fields below are plain memory: written before the control word is stored with release, read after it
  // was loaded with acquire. `length` and `keyLength` steer a reader: it loads each once and bounds it. These
  // two loads are atomic, because a compiler may repeat one that is not.

  @inlinable var magic: UInt32 {
    @inline(__always) get { unsafe base.load(as: UInt32.self) }
  }
  @inlinable var length: UInt32 {
    @inline(__always) get {
      unsafe (base + 4).assumingMemoryBound(to: Atomic<UInt32>.self).pointee
        .load(ordering: .relaxed)  // R4
    }
  }
  @inlinable var timestamp: UInt64 {
    @inline(__always) get { unsafe base.load(fromByteOffset: 8, as: UInt64.self) }
  }
  @inlinable var keyWord: KeyWord {
    // R4
    @inline(__always) get { unsafe KeyWord(raw: SharedWord(base, at: 40).loadRelaxed()) }
  }
  @inlinable var checksum: UInt32 {
    @inline(__always) get { unsafe base.load(fromByteOffset: 48, as: UInt32.self) }
  }

  /// Key hash, key length and flags share one word, so that they cost one store.
  @frozen @usableFromInline
  struct KeyWord {
    @usableFromInline let raw: UInt64
    @inlinable init(raw: UInt64) { self.raw = raw }
    @inlinable @inline(__always)
    init(hash: UInt32, length: UInt16, flags: UInt16) {
      raw = UInt64(hash) | UInt64(length) &<< 32 | UInt64(flags) &<< 48
    }
    /// Of a key of at most 65,535 bytes.
    @inlinable
    init(_ key: RawSpan) {
      self.init(
        hash: Murmur2.hash(key), length: UInt16(truncatingIfNeeded: key.byteCount),
        flags: SlotHeader.Flag.key)
    }
    @inlinable var hash: UInt32 { UInt32(truncatingIfNeeded: raw) }
    @inlinable var length: UInt16 { UInt16(truncatingIfNeeded: raw &>> 32) }
    @inlinable var flags: UInt16 { UInt16(truncatingIfNeeded: raw &>> 48) }
  }

  /// Writes everything but the control word.
  @inlinable @inline(__always)
  func fill(length: UInt32, timestamp: UInt64, key: KeyWord) {
    unsafe base.storeBytes(
      of: UInt64(SHMBUS_MESSAGE_MAGIC) | UInt64(length) &<< 32, as: UInt64.self)
    unsafe base.storeBytes(of: timestamp, toByteOffset: 8, as: UInt64.self)
    unsafe base.storeBytes(of: key.raw, toByteOffset: 40, as: UInt64.self)
  }

  // Of padding that says what was lost: its own offset, and where the stretch ends.
  var sequence: UInt64 { unsafe base.load(fromByteOffset: 24, as: UInt64.self) }
  var producer: UInt64 { unsafe base.load(fromByteOffset: 32, as: UInt64.self) }

  /// Writes everything but the control word of padding: `end` is where the stretch ends that a reboot took,
  /// nil for padding that stands for nothing.
  func fillPadding(at offset: Offset, lostUpTo end: Offset?) {
    let flags = end == nil ? 0 : Flag.lost
    fill(length: 0, timestamp: 0, key: KeyWord(hash: 0, length: 0, flags: flags))
    unsafe base.storeBytes(of: offset, toByteOffset: 24, as: UInt64.self)
    unsafe base.storeBytes(of: end ?? 0, toByteOffset: 32, as: UInt64.self)
  }

  /// The message's batch goes on behind it. Before the batch is decided.
  @inlinable
  func markContinued() {
    let flags = unsafe base.load(fromByteOffset: 46, as: UInt16.self)
    unsafe base.storeBytes(of: flags | Flag.continues, toByteOffset: 46, as: UInt16.self)
  }

  /// What the checksum of a message at an offset begins with: one that turns up at another offset, because a
  /// bit of its lap was changed on a disk, does not fit.
  @inlinable
  static func checksumStart(_ offset: Offset) -> UInt32 {
    UInt32(truncatingIfNeeded: offset ^ (offset &>> 32))
  }

  @inlinable
  func setChecksum(_ value: UInt32) {
    unsafe base.storeBytes(of: value, toByteOffset: 48, as: UInt32.self)
  }
}

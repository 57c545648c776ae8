import CShmBus

/// The bytes of a segment, none of which is trusted: every load is checked against what is there.
///
/// Words that others change are loaded atomically, so that one value is one value; a field that
/// steers anything is loaded once, bounded, then used. It never stores.
@safe
struct SegmentReader {
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

  var count: Int { unsafe bytes.count }

  func holds(_ offset: Int, _ byteCount: Int) -> Bool {
    offset >= 0 && byteCount >= 0 && byteCount <= count && offset <= count - byteCount
  }

  /// Plain memory: a value of it may be torn on a live bus. Nil behind the end.
  func value<T: BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T? {
    guard holds(offset, MemoryLayout<T>.size) else { return nil }
    return unsafe bytes.loadUnaligned(fromByteOffset: offset, as: type)
  }

  /// One word, with acquire: what was stored before it was released is seen by the loads that follow.
  /// Nil behind the end; 0 where nothing can be atomic.
  func word(at offset: Int) -> UInt64? {
    guard holds(offset, 8), let base = unsafe bytes.baseAddress else { return nil }
    guard unsafe Int(bitPattern: base + offset) & 7 == 0 else { return 0 }
    return unsafe SharedWord(base, at: offset).loadAcquire()
  }

  /// A copy of what is there of a range; shorter where the segment ends.
  func copy(at offset: Int, count wanted: Int) -> [UInt8] {
    guard offset >= 0, offset < count, wanted > 0 else { return [] }
    return unsafe Array(bytes[offset..<(offset + min(wanted, count - offset))])
  }

  /// Text of a fixed field: up to its first zero byte, with nothing in it that a terminal acts upon.
  func text(at offset: Int, count: Int) -> String {
    Self.text(copy(at: offset, count: count))
  }

  static func text(_ bytes: [UInt8]) -> String {
    let scalars = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self).unicodeScalars
    return scalars.map { scalar in
      scalar.properties.generalCategory == .control
        ? scalar.escaped(asASCII: true) : String(scalar)
    }.joined()
  }
}

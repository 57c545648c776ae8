import Glibc
import ShmBus

/// Payloads that show whose they are and whether every byte is the right one: a pseudo-random function of
/// publisher, number and length. From eight bytes on they begin with publisher and number.
public enum Pattern {
  /// The payload of a publisher's message.
  public static func bytes(_ publisher: Int, _ number: Int, count: Int) -> [UInt8] {
    let name = UInt64(publisher) << 48 | UInt64(number)
    var words = [name]
    var state = name ^ UInt64(count) << 20
    while words.count * 8 < count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      words.append(state ^ state >> 29)
    }
    if count < 8 { words[0] = Seed.mix(name ^ UInt64(count)) }
    return unsafe words.withUnsafeBytes { unsafe Array($0.prefix(count)) }
  }

  /// The key of a publisher's message, where it has one.
  public static func key(_ publisher: Int, _ number: Int, count: Int) -> [UInt8] {
    bytes(publisher ^ 0x2a55, number / 7, count: count + 8).suffix(count)
  }

  /// Whose message this says it is; nil when it is too short to say.
  public static func name(of bytes: RawSpan) -> (publisher: Int, number: Int)? {
    guard bytes.byteCount >= 8 else { return nil }
    let name = unsafe bytes.unsafeLoadUnaligned(as: UInt64.self)
    return (Int(name >> 48), Int(name & 0xffff_ffff_ffff))
  }

  /// Whether these are the bytes of that message, all of them.
  public static func matches(_ bytes: RawSpan, _ publisher: Int, _ number: Int) -> Bool {
    let expected = Self.bytes(publisher, number, count: bytes.byteCount)
    return unsafe bytes.withUnsafeBytes { found in
      guard let start = found.baseAddress else { return true }
      return unsafe memcmp(start, expected, expected.count) == 0
    }
  }

  /// Whether a payload of eight bytes or more is whole: what its first bytes promise.
  public static func isWhole(_ bytes: RawSpan) -> Bool {
    guard let (publisher, number) = name(of: bytes) else { return true }
    return matches(bytes, publisher, number)
  }

  /// A number that tells messages apart, by payload and key.
  public static func digest(_ bytes: RawSpan, key: RawSpan?) -> UInt64 {
    guard let key else { return digest(bytes) }
    return digest(bytes) ^ Seed.mix(digest(key))
  }

  /// A number that tells payloads apart (FNV-1a over words).
  public static func digest(_ bytes: RawSpan) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.byteCount)
    var offset = 0
    while offset + 8 <= bytes.byteCount {
      let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
      hash = (hash ^ word) &* 0x100_0000_01b3
      hash ^= hash >> 32
      offset += 8
    }
    while offset < bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
      offset += 1
    }
    return hash
  }
}

extension RawSpan {
  /// A copy that may go anywhere.
  public var array: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
  /// The bytes as text.
  public var text: String { String(decoding: array, as: UTF8.self) }
}

extension Loan {
  /// Writes `bytes` at its beginning.
  public mutating func fill(_ bytes: [UInt8]) {
    var span = mutableBytes
    unsafe span.withUnsafeMutableBytes { unsafe $0.copyBytes(from: bytes) }
  }
}

extension Batch {
  /// Appends a copy of `bytes`; false if it does not fit any more.
  public mutating func append(_ bytes: [UInt8]) -> Bool { unsafe append(bytes.span.bytes) }
}

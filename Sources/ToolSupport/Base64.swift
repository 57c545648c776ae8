/// Base64 as RFC 4648 has it, with padding: how bytes that are no text travel in JSON.
package enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  package static func encode(_ bytes: RawSpan) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.byteCount + 2) / 3 * 4)
    var index = 0
    while index < bytes.byteCount {
      let taken = min(3, bytes.byteCount - index)
      var group: UInt32 = 0
      for place in 0..<3 {
        let byte =
          place < taken ? unsafe bytes.unsafeLoad(fromByteOffset: index + place, as: UInt8.self) : 0
        group = group << 8 | UInt32(byte)
      }
      for place in 0..<4 {
        text.append(
          place <= taken ? alphabet[Int(group >> UInt32(18 - 6 * place)) & 63] : UInt8(ascii: "="))
      }
      index += taken
    }
    return text
  }

  /// Nil for what is not base64.
  package static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var group: UInt32 = 0
    var bits: UInt32 = 0
    let letters = text.utf8
    guard letters.count.isMultiple(of: 4) else { return nil }
    let body = letters.dropLast(
      letters.reversed().prefix(2).prefix { $0 == UInt8(ascii: "=") }.count)
    for letter in body {
      guard let value = value(of: letter) else { return nil }
      group = group << 6 | value
      bits += 6
      guard bits >= 8 else { continue }
      bits -= 8
      bytes.append(UInt8(truncatingIfNeeded: group >> bits))
    }
    return bytes
  }

  private static func value(of letter: UInt8) -> UInt32? {
    switch letter {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}

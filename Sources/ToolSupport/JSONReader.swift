/// Reads JSON as RFC 8259 has it.
package struct JSONReader: ~Escapable {
  private let bytes: RawSpan
  private var place = 0
  private var depth = 0

  /// Deeper nesting is refused, so that no input can exhaust the stack.
  private static let deepest = 100

  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan) { self.bytes = bytes }

  /// Whether there is nothing but white space.
  package var isBlank: Bool {
    (place..<bytes.byteCount).allSatisfy { Self.isSpace(byte(at: $0)) }
  }

  /// The one value that the text consists of.
  package mutating func document() throws -> JSON {
    let result = try value()
    skipSpace()
    guard place == bytes.byteCount else { throw wrong("something follows the value") }
    return result
  }

  private mutating func value() throws -> JSON {
    skipSpace()
    switch peek {
    case UInt8(ascii: "{"): return try nested { reader in try reader.object() }
    case UInt8(ascii: "["): return try nested { reader in try reader.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func nested(_ read: (inout JSONReader) throws -> JSON) throws -> JSON {
    guard depth < Self.deepest else { throw wrong("values are nested too deeply") }
    depth += 1
    defer { depth -= 1 }
    place += 1
    return try read(&self)
  }

  private mutating func object() throws -> JSON {
    var members: [JSON.Member] = []
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard peek == UInt8(ascii: "\"") else { throw wrong("a name in quotes is missing") }
      let name = try string()
      guard take(":") else { throw wrong("':' is missing") }
      members.append(JSON.Member(name, try value()))
    } while take(",")
    guard take("}") else { throw wrong("',' or '}' is missing") }
    return .object(members)
  }

  private mutating func array() throws -> JSON {
    var values: [JSON] = []
    if take("]") { return .array(values) }
    repeat { values.append(try value()) } while take(",")
    guard take("]") else { throw wrong("',' or ']' is missing") }
    return .array(values)
  }

  private mutating func word(_ word: StaticString, _ value: JSON) throws -> JSON {
    for letter in word.description.utf8 {
      guard peek == letter else { throw wrong("this is no value") }
      place += 1
    }
    return value
  }

  private mutating func number() throws -> JSON {
    let start = place
    if peek == UInt8(ascii: "-") { place += 1 }
    // No number but 0 itself begins with it.
    if peek == UInt8(ascii: "0") { place += 1 } else { try digits() }
    if peek == UInt8(ascii: ".") {
      place += 1
      try digits()
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      place += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { place += 1 }
      try digits()
    }
    let text = String(decoding: copy(start..<place), as: UTF8.self)
    if let integer = UInt64(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else { throw wrong("this is no value") }
    return .number(number)
  }

  /// At least one.
  private mutating func digits() throws {
    let start = place
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { place += 1 }
    guard place > start else { throw wrong("this is no value") }
  }

  private mutating func string() throws -> String {
    place += 1
    var text: [UInt8] = []
    var start = place
    // Ends: at the closing quote, or with the input.
    while let byte = peek {
      if byte == UInt8(ascii: "\"") {
        text += copy(start..<place)
        place += 1
        guard let result = String(validating: text, as: UTF8.self) else {
          throw wrong("the string is not UTF-8")
        }
        return result
      }
      guard byte >= 0x20 else { throw wrong("a control character stands in a string") }
      place += 1
      if byte == UInt8(ascii: "\\") {
        text += copy(start..<place - 1)
        text += Array(String(try escape()).utf8)
        start = place
      }
    }
    throw wrong("a string is not closed")
  }

  private mutating func escape() throws -> Character {
    guard let letter = peek else { throw wrong("a string is not closed") }
    place += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      return Character(Unicode.Scalar(letter))
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw wrong("an escape that does not exist")
    }
  }

  private mutating func unicodeEscape() throws -> Character {
    let first = try fourDigits()
    var code = first
    if first & 0xFC00 == 0xD800, peek == UInt8(ascii: "\\"), byte(at: place + 1) == 0x75 {
      place += 2
      let second = try fourDigits()
      guard second & 0xFC00 == 0xDC00 else { throw wrong("half of a surrogate pair") }
      code = 0x10000 + (first & 0x3FF) << 10 + second & 0x3FF
    }
    guard let scalar = Unicode.Scalar(code) else { throw wrong("half of a surrogate pair") }
    return Character(scalar)
  }

  private mutating func fourDigits() throws -> UInt32 {
    let text = String(decoding: copy(place..<min(place + 4, bytes.byteCount)), as: UTF8.self)
    guard text.utf8.count == 4, text.allSatisfy(\.isHexDigit), let code = UInt32(text, radix: 16)
    else { throw wrong("\\u needs four hexadecimal digits") }
    place += 4
    return code
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek, Self.isSpace(byte) { place += 1 }
  }

  private var peek: UInt8? { place < bytes.byteCount ? byte(at: place) : nil }

  /// 0 behind the end.
  private func byte(at index: Int) -> UInt8 {
    index < bytes.byteCount ? unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) : 0
  }

  private func copy(_ range: Range<Int>) -> [UInt8] {
    unsafe bytes.extracting(range).withUnsafeBytes { unsafe Array($0) }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }

  private func wrong(_ what: String) -> Failure {
    Failure(.damagedData, "this is not JSON: at byte \(place), \(what)")
  }
}

/// A JSON value: what the tools print, and what `publish --json` reads.
package indirect enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(UInt64)
  case number(Double)
  case string(String)
  case array([JSON])
  /// In the order of writing.
  case object([Member])

  package struct Member: Equatable, Sendable {
    package let name: String
    package let value: JSON
    package init(_ name: String, _ value: JSON) {
      self.name = name
      self.value = value
    }
  }

  /// An object, written as a literal.
  package static func fields(_ members: KeyValuePairs<String, JSON>) -> JSON {
    .object(members.map { Member($0.key, $0.value) })
  }

  package static func integer(_ value: Int) -> JSON {
    value >= 0 ? .integer(UInt64(value)) : .number(Double(value))
  }

  /// The member of an object, nil where there is none.
  package subscript(name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name == name }?.value
  }

  /// On one line.
  package var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): value.isFinite ? "\(value)" : "null"
    case .string(let value): Self.quoted(value)
    case .array(let values): "[\(values.map(\.text).joined(separator: ","))]"
    case .object(let members):
      "{\(members.map { "\(Self.quoted($0.name)):\($0.value.text)" }.joined(separator: ","))}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      if let escape = JSONEscape.of(scalar.value) {
        result += escape
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// What may not stand in a JSON string as it is.
package enum JSONEscape {
  /// How a character is written instead; nil if it stands for itself.
  package static func of(_ character: UInt32) -> String? {
    switch character {
    case 0x22: "\\\""
    case 0x5C: "\\\\"
    case 0x0A: "\\n"
    case 0x0D: "\\r"
    case 0x09: "\\t"
    case 0..<0x20, 0x7F: "\\u00" + hexadecimal(character)
    default: nil
    }
  }

  private static func hexadecimal(_ value: UInt32) -> String {
    (value < 16 ? "0" : "") + String(value, radix: 16)
  }
}

extension OutputBuffer {
  /// Appends bytes that are UTF-8 as a JSON string.
  package mutating func append(jsonString bytes: RawSpan) throws(OutputError) {
    try append(UInt8(ascii: "\""))
    var start = 0
    for index in 0..<bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
      if byte >= 0x20, byte != 0x22, byte != 0x5C, byte != 0x7F { continue }
      guard let escape = JSONEscape.of(UInt32(byte)) else { continue }
      try append(bytes.extracting(start..<index))
      try append(escape)
      start = index + 1
    }
    try append(bytes.extracting(start..<bytes.byteCount))
    try append(UInt8(ascii: "\""))
  }
}

import ShmBus
import ToolSupport

/// How messages look on standard output.
enum MessageFormat: Sendable {
  /// The payloads, with nothing between them.
  case raw
  /// A line for each payload, ended by this byte; before it the key, if a separator is given.
  case line(end: UInt8, keySeparator: UInt8?)
  /// A JSON object for each, a line each: see ``JSONMessage``.
  case json
  /// Before each payload its length (u32, little-endian).
  case lengthPrefixed
  /// See ``Frame``.
  case frames

  func write(
    _ message: borrowing Message, of bus: Bus, to output: inout OutputBuffer
  ) throws(OutputError) {
    switch self {
    case .raw:
      try output.append(message.bytes)
    case .line(let end, let separator):
      if let separator, message.hasKey {
        try output.append(message.key)
        try output.append(separator)
      }
      try output.append(message.bytes)
      try output.append(end)
    case .json:
      try Self.writeJSON(message, to: &output)
    case .lengthPrefixed:
      try output.append(littleEndian: UInt64(message.bytes.byteCount), count: 4)
      try output.append(message.bytes)
    case .frames:
      try Frame.write(message, of: bus, to: &output)
    }
  }

  /// Tells a reader of JSON what it missed; the others only hear of it on standard error.
  func write(
    _ gap: SubscribeError.Gap, to output: inout OutputBuffer
  ) throws(OutputError) {
    guard case .json = self else { return }
    let members: JSON = .fields([
      "partition": .integer(gap.partition), "from": .integer(gap.from), "to": .integer(gap.to),
      "cause": .string(gap.cause.rawValue),
    ])
    try output.append(JSON.fields(["gap": members]).text + "\n")
  }

  private static func writeJSON(
    _ message: borrowing Message, to output: inout OutputBuffer
  ) throws(OutputError) {
    try output.append("{\"partition\":")
    try output.append(decimal: UInt64(message.partition))
    try output.append(",\"offset\":")
    try output.append(decimal: message.offset)
    try output.append(",\"timestamp\":")
    try output.append(decimal: message.timestamp)
    try output.append(",\"key\":")
    if message.hasKey {
      try writeJSON(message.key, to: &output)
    } else {
      try output.append("null")
    }
    try output.append(",\"payload\":")
    try writeJSON(message.bytes, to: &output)
    try output.append("}\n")
  }

  /// A string, or what is no UTF-8 as base64.
  private static func writeJSON(
    _ bytes: RawSpan, to output: inout OutputBuffer
  ) throws(OutputError) {
    let isText = (try? UTF8Span(validating: Span(_bytes: bytes))) != nil
    if isText { return try output.append(jsonString: bytes) }
    try output.append("{\"base64\":\"")
    let text = Base64.encode(bytes)
    try unsafe output.append(text.span.bytes)
    try output.append("\"}")
  }
}

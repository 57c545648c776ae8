import ToolSupport

/// A message written as JSON: what `subscribe --format json` prints, a line each.
///
/// `{"partition":0,"offset":7,"timestamp":1700000000000000000,"key":"k","payload":"text"}`; a key or payload
/// that is not UTF-8 is `{"base64":"..."}`; no key is null. Of what `publish` reads only `payload` must be
/// there; `partition` says where to, the rest is the far bus's own.
struct JSONMessage {
  let payload: [UInt8]
  let key: [UInt8]?
  let partition: Int?

  /// Nil for a line that is no message but news of a gap, or empty.
  init?(_ line: RawSpan) throws {
    var reader = JSONReader(line)
    guard !reader.isBlank else { return nil }
    let value = try reader.document()
    if value["gap"] != nil, value["payload"] == nil { return nil }
    guard let payload = try Self.bytes(value["payload"], "payload") else {
      throw Failure(.damagedData, "the object has no \"payload\"")
    }
    self.payload = payload
    key = try Self.bytes(value["key"], "key")
    switch value["partition"] {
    case nil, .null: partition = nil
    case .integer(let number) where number <= UInt64(Int32.max): partition = Int(number)
    default: throw Failure(.damagedData, "\"partition\" is not a partition's number")
    }
  }

  private static func bytes(_ value: JSON?, _ name: String) throws -> [UInt8]? {
    switch value {
    case nil, .null: return nil
    case .string(let text): return Array(text.utf8)
    case .object:
      if case .string(let text)? = value?["base64"], let bytes = Base64.decode(text) {
        return bytes
      }
      fallthrough
    default:
      throw Failure(
        .damagedData, "\"\(name)\" is neither a string nor {\"base64\":\"...\"}")
    }
  }
}

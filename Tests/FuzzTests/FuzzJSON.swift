// What `publish --json` reads: JSON, messages in it, and base64.

import ToolSupport

private func parse(_ bytes: [UInt8]) throws -> JSON {
  var reader = unsafe JSONReader(bytes.span.bytes)
  return try reader.document()
}

private func tryDocument(_ bytes: [UInt8]) {
  guard let value = try? parse(bytes) else { return }
  do {
    let second = try parse(Array(value.text.utf8))
    require(second == value, "\(value) is written as \(value.text) and read as \(second)")
  } catch { fatalError("\(value.text) is written and not read: \(error)") }
}

private func tryMessage(_ bytes: [UInt8]) {
  do {
    guard let message = try unsafe JSONMessage(bytes.span.bytes) else { return }
    require(message.partition.map { $0 >= 0 } ?? true, "partition \(message.partition ?? 0)")
  } catch {
    let sentence = (error as? Failure)?.sentence ?? ""
    require(!sentence.isEmpty, "not a typed error: \(error)")
  }
}

private func tryBase64(_ bytes: [UInt8]) {
  let text = unsafe Base64.encode(bytes.span.bytes)
  require(text.count == (bytes.count + 2) / 3 * 4, "\(text.count) letters for \(bytes.count) bytes")
  require(
    Base64.decode(String(decoding: text, as: UTF8.self)) == bytes, "base64 does not come back")
  guard let decoded = Base64.decode(String(decoding: bytes, as: UTF8.self)) else { return }
  require(decoded.count <= bytes.count / 4 * 3, "\(decoded.count) bytes of \(bytes.count) letters")
}

/// One execution.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = unsafe FuzzInput(data, count)
  switch input.byte() & 3 {
  case 0: tryBase64(input.rest)
  case 1: tryMessage(input.rest)
  default: tryDocument(input.rest)
  }
  return 0
}

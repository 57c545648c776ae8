import Testing
import ToolSupport

/// The parts that both tools share, by themselves.
struct JSONTests {
  private func parse(_ text: String) throws -> JSON {
    let bytes = Array(text.utf8)
    var reader = unsafe JSONReader(bytes.span.bytes)
    return try reader.document()
  }

  @Test(arguments: [
    "null", "true", "false", "0", "18446744073709551615", "\"\"", "[]", "{}",
    "[1,[2,{\"a\":\"b\"}],null]", "{\"a\":{\"b\":[true,false]},\"c\":\"\\\"\\\\\\n\\u0001\"}",
  ])
  func whatIsReadIsWrittenAgain(text: String) throws {
    #expect(try parse(text).text == text)
  }

  @Test func escapesAreUnderstood() throws {
    let text = #" "\u00e4\ud83d\ude80\/\b\f\n\r\t\"\\" "#
    #expect(try parse(text) == .string("ä🚀/\u{8}\u{C}\n\r\t\"\\"))
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "\"open", "\"\\x\"", "\"\\u12\"", "tru", "1 2",
    "[1", "\"\\udc00\"", "\"\u{1}\"", "--1", "1e999",
    "+1", "01", "-01", ".5", "1.", "-", "1e", "1e+", "0x1", "1.e5", "Infinity", "nan",
    String(repeating: "[", count: 200) + String(repeating: "]", count: 200),
  ])
  func whatIsNoJSONIsRefused(text: String) {
    #expect(throws: Failure.self) { try parse(text) }
  }

  @Test(arguments: [("-0.5", -0.5), ("1E+2", 100), ("10.25e-1", 1.025), ("-7", -7)])
  func numbersAreUnderstood(text: String, value: Double) throws {
    #expect(try parse(text) == .number(value))
  }

  @Test func base64GoesRound() {
    for count in 0..<50 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 89 &+ 7) }
      let text = unsafe Base64.encode(bytes.span.bytes)
      #expect(Base64.decode(String(decoding: text, as: UTF8.self)) == bytes)
    }
    #expect(Base64.decode("TWFu") == Array("Man".utf8))
    #expect(Base64.decode("TWE=") == Array("Ma".utf8))
    #expect(Base64.decode("TQ==") == Array("M".utf8))
    for wrong in ["T", "TQ=", "TQ===", "T===", "T!Fu", "=TWF"] {
      #expect(Base64.decode(wrong) == nil)
    }
  }

  @Test func numbersAreReadable() {
    #expect(Numbers.grouped(0) == "0")
    #expect(Numbers.grouped(999) == "999")
    #expect(Numbers.grouped(1_234_567) == "1,234,567")
    #expect(Numbers.grouped(-1234) == "-1,234")
    #expect(Numbers.bytes(512) == "512 B")
    #expect(Numbers.bytes(65_536) == "64 KiB")
    #expect(Numbers.decimal(0.8349, places: 2) == "0.83")
    #expect(Numbers.decimal(12, places: 0) == "12")
    #expect(Numbers.short(82_400_000) == "82.4 M")
  }
}

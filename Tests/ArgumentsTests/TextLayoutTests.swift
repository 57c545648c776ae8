import Testing

@testable import Arguments

@Suite struct TextLayoutTests {
  @Test func wrapping() {
    let word = String(repeating: "x", count: 39)
    #expect(TextLayout.wrap("\(word) \(word)") == ["\(word) \(word)"])
    #expect(TextLayout.wrap("\(word) \(word)", indent: 1) == [" \(word) \(word)"])
    #expect(TextLayout.wrap("\(word) \(word)", indent: 2) == ["  \(word)", "  \(word)"])
    #expect(
      TextLayout.wrap("\(word) \(word)", indent: 2, hanging: 3) == ["  \(word)", "     \(word)"])
    #expect(TextLayout.wrap("") == [])
    let long = String(repeating: "y", count: 90)
    #expect(TextLayout.wrap("a \(long) b") == ["a", long, "b"])
  }

  @Test func blocks() {
    #expect(
      TextLayout.blocks("a\nb\n\n  c\n    d\n\n\ne\n") == [
        .paragraph("a b"), .verbatim(["c", "  d"]), .paragraph("e"),
      ])
    #expect(TextLayout.blocks("") == [])
  }

  @Test func tables() {
    let long = String(repeating: "t", count: 30)
    #expect(
      TextLayout.table([("a", "one"), ("bb", ""), (long, "three")]) == [
        "  a   one", "  bb", "  \(long)", "      three",
      ])
  }

  @Test func firstSentence() {
    #expect("One. Two.".firstSentence == "One")
    #expect("One; two.".firstSentence == "One")
    #expect("At 1.5 of it".firstSentence == "At 1.5 of it")
  }
}

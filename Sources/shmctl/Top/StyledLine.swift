import ToolSupport

/// A line of a screen: texts, each with the style it is shown in.
struct StyledLine: Equatable {
  private(set) var spans: [Span] = []

  struct Span: Equatable {
    var text: String
    var style: Terminal.Style?
  }

  init(_ text: String = "", _ style: Terminal.Style? = nil) { append(text, style) }

  /// The characters alone.
  var text: String { spans.map(\.text).joined() }

  var width: Int { spans.reduce(0) { $0 + $1.text.count } }

  mutating func append(_ text: String, _ style: Terminal.Style? = nil) {
    if !text.isEmpty { spans.append(Span(text: Self.harmless(text), style: style)) }
  }

  /// Cut to a width; a '>' says that something was cut.
  func clipped(to width: Int) -> StyledLine {
    guard self.width > width else { return self }
    var line = StyledLine()
    var room = max(0, width - 1)
    for span in spans where room > 0 {
      line.append(String(span.text.prefix(room)), span.style)
      room -= min(room, span.text.count)
    }
    if width > 0 { line.append(">", .dim) }
    return line
  }

  /// As a terminal takes it; without colours, the text alone.
  func rendered(for terminal: Terminal) -> String {
    spans.map { span in
      span.style.map { terminal.styled(span.text, $0) } ?? span.text
    }.joined()
  }

  /// A process may call itself anything; what would move the cursor, or take two columns, is
  /// shown as a question mark.
  private static func harmless(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
    return isPlain
      ? text
      : String(
        String.UnicodeScalarView(
          text.unicodeScalars.map { (0x20..<0x7F).contains($0.value) ? $0 : "?" }))
  }
}

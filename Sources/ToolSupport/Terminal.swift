import Glibc

/// What a stream is good for: colours and moving pictures only on a terminal.
package struct Terminal {
  /// Whether the stream is a terminal at all.
  package let isTerminal: Bool
  /// Whether it may be given colours: a terminal, and `NO_COLOR` unset or empty.
  package let hasColours: Bool
  private let descriptor: Int32

  package init(_ descriptor: Int32) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
    let isDumb = Self.environment("TERM").map { $0 == "dumb" } ?? true
    hasColours = isTerminal && !isDumb && (Self.environment("NO_COLOR") ?? "").isEmpty
  }

  package static let output = Terminal(STDOUT_FILENO)
  package static let errors = Terminal(STDERR_FILENO)

  /// Columns, or 80 where nobody knows.
  package var width: Int {
    let columns = Int(size.ws_col)
    return columns > 0 ? columns : 80
  }

  /// Lines, or 24 where nobody knows.
  package var height: Int {
    let rows = Int(size.ws_row)
    return rows > 0 ? rows : 24
  }

  /// All zero where the stream is no terminal.
  private var size: winsize {
    var size = winsize()
    return unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 ? size : winsize()
  }

  package enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
    case magenta = "35"
    case cyan = "36"
  }

  /// The text in a style, where the terminal shows any.
  package func styled(_ text: String, _ style: Style) -> String {
    hasColours ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  private static func environment(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }
}

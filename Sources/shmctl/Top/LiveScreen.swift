import Glibc
import ToolSupport

/// A terminal that a program has to itself for a while: alternate screen, no echo, no cursor.
/// Restored when the value goes away.
@safe
struct LiveScreen: ~Copyable {
  private let terminal = Terminal.output
  private let input: Int32
  /// Nil where the input is no terminal: then there are no keys.
  private let before: termios?
  /// What stands there; empty when nobody knows.
  private var shown: [String] = []

  init(input: Int32 = STDIN_FILENO) throws(OutputError) {
    self.input = input
    var settings = termios()
    before = unsafe isatty(input) == 1 && tcgetattr(input, &settings) == 0 ? settings : nil
    try enter()
  }

  deinit { try? leave() }

  var hasKeys: Bool { before != nil }
  var width: Int { terminal.width }
  var height: Int { terminal.height }

  /// Shows the lines: only those that have changed are sent, in one write.
  mutating func draw(_ lines: [StyledLine]) throws(OutputError) {
    let texts = lines.map { $0.rendered(for: terminal) }
    var update = ""
    for (number, text) in texts.enumerated() where number >= shown.count || shown[number] != text {
      update += "\u{1B}[\(number + 1);1H\(text)\u{1B}[K"
    }
    if texts.count < shown.count || shown.isEmpty {
      // Below the last line; on a screen that is full there is no such place.
      if texts.count < height { update += "\u{1B}[\(texts.count + 1);1H\u{1B}[J" }
    }
    shown = texts
    if !update.isEmpty { try Self.send(update) }
  }

  /// Its size has changed, or a shell had it meanwhile: the next frame is drawn whole.
  mutating func renew() throws(OutputError) {
    shown = []
    try enter()
  }

  /// Gives the terminal back, stops the process as the terminal's user asked, and takes the
  /// terminal anew when it goes on.
  mutating func stop() throws(OutputError) {
    try leave()
    signal(SIGTSTP, SIG_DFL)
    raise(SIGTSTP)
    ScreenSignals.install()
    try renew()
  }

  private func enter() throws(OutputError) {
    if var settings = before {
      settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
      // Reads return at once; Control-\ would leave the terminal as it is.
      settings.c_cc.6 = 0
      settings.c_cc.5 = 0
      settings.c_cc.1 = 0
      unsafe _ = tcsetattr(input, TCSADRAIN, &settings)
    }
    try Self.send("\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J")
  }

  private func leave() throws(OutputError) {
    if var settings = before { unsafe _ = tcsetattr(input, TCSAFLUSH, &settings) }
    try Self.send("\u{1B}[?25h\u{1B}[?1049l")
  }

  /// One write(2), unless the terminal takes less at a time. An interrupt must not tear it: the
  /// work ends by looking for one elsewhere.
  private static func send(_ text: String) throws(OutputError) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count)
      }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw errno == EPIPE ? .closed : .failed(errno)
      }
    }
  }
}

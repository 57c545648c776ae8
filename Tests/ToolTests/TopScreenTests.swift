import Glibc
import TestSupport
import Testing

/// `shmctl top` on a real terminal, as tmux emulates it: 80 columns, 24 lines.
@Suite(.enabled(if: Tmux.isThere, "tmux is not installed"))
struct TopScreenTests {
  let space = Space()

  @Test func aLiveScreenWithKeys() {
    space.shmctl("create", "orders", "--partitions", "2", "--slots", "1024")
    space.shmctl("create", "ticks", "--slots", "64")
    let reader = space.start("subscribe", "orders")
    let fifo = space.path("fifo")
    unsafe _ = mkfifo(fifo, 0o600)
    let feed = unsafe open(fifo, O_RDWR | O_CLOEXEC)
    defer { close(feed) }
    let publisher = space.start("publish", "orders", input: fifo)
    #expect(eventually { space.has("publisher", on: "orders") })
    #expect(eventually { space.has("subscriber", on: "orders") })

    let tmux = Tmux(space)
    tmux.type("echo BEFORE; \(Run.tool) top orders --interval 100ms\n")
    let line = Array("a line\n".utf8)
    #expect(
      tmux.shows { screen in
        _ = unsafe write(feed, line, line.count)
        return screen[0].hasPrefix("shmctl top  orders (1 of 2)  2 x 1,024 slots x 256 B, block")
          && !screen[1].hasPrefix("- ") && !screen[1].hasPrefix("0 slots/s")
          && screen[1].contains("1 publisher, 1 subscriber, 0 observers")
      })
    let screen = tmux.screen
    #expect(screen[3].hasPrefix("PART          CURSOR  SLOTS/S"))
    #expect(screen.contains { $0.contains("publisher") && $0.contains("\(publisher.pid)") })
    #expect(screen.contains { $0.contains("subscriber") && $0.contains("\(reader.pid)") })
    #expect(!screen.contains { $0.contains("BEFORE") })
    #expect(screen[23].contains("s sort (row)"))

    tmux.type("s")
    #expect(tmux.shows { $0[23].contains("s sort (rate)") })
    tmux.type("h")
    #expect(tmux.shows { $0[23].isEmpty })
    tmux.type("h")
    tmux.key("Right")
    #expect(tmux.shows { $0[0].contains("ticks (2 of 2)") && $0.contains("Nobody is attached.") })
    tmux.type("1")
    #expect(tmux.shows { $0[0].contains("orders (1 of 2)") })

    tmux.type("q")
    #expect(tmux.shows { $0.contains("BEFORE") && !$0.contains { $0.hasPrefix("shmctl top  ") } })
    #expect(tmux.isRestored())
  }

  @Test func stoppedAndContinuedAndResized() {
    space.shmctl("create", "orders", "--slots", "64")
    let tmux = Tmux(space)
    tmux.type("\(Run.tool) top --interval 60s\n")
    #expect(tmux.shows { $0[0].contains("shmctl top  orders") })
    tmux.key("C-z")
    #expect(tmux.shows { $0.contains { $0.contains("Stopped") } })
    #expect(tmux.isRestored())
    tmux.type("fg\n")
    #expect(tmux.shows { $0[0].contains("shmctl top  orders") })
    tmux.resize(columns: 50, lines: 12)
    #expect(
      tmux.shows { $0.count == 12 && $0[11].hasPrefix("q quit") && $0[0].count <= 50 })
    tmux.resize(columns: 120, lines: 30)
    #expect(tmux.shows { $0.count == 30 && $0[29].hasPrefix("q quit") })
    tmux.key("C-c")
    #expect(tmux.isRestored())
  }

  @Test(arguments: ["INT", "TERM"])
  func aSignalRestoresTheTerminal(name: String) {
    space.shmctl("create", "orders", "--slots", "64")
    let tmux = Tmux(space)
    tmux.type("echo BEFORE; \(Run.tool) top --interval 60s; echo code $?\n")
    #expect(tmux.shows { $0[0].contains("shmctl top  orders") })
    tmux.run("pkill -\(name) -P \(tmux.shellPid)")
    let code = name == "INT" ? 130 : 143
    #expect(tmux.shows { $0.contains("BEFORE") && $0.contains("code \(code)") })
    #expect(tmux.isRestored())
  }

  @Test func coloursObeyNoColor() {
    space.shmctl("create", "orders", "--slots", "64")
    let tmux = Tmux(space)
    tmux.type("\(Run.tool) top --interval 60s\n")
    #expect(tmux.shows { $0[0].contains("shmctl top  orders") })
    #expect(tmux.colouredScreen.contains("\u{1B}[36m"))
    tmux.type("q")
    #expect(tmux.isRestored())
    tmux.type("NO_COLOR=1 \(Run.tool) top --interval 60s\n")
    #expect(tmux.shows { $0[0].contains("shmctl top  orders") })
    #expect(!tmux.colouredScreen.contains("\u{1B}["))
  }
}

/// A terminal of 80 columns and 24 lines with a shell in it.
final class Tmux {
  private let space: Space
  private let socket: String

  static let isThere = Space().bash("command -v tmux").code == 0

  init(_ space: Space) {
    self.space = space
    socket = space.path("tmux")
    let shell =
      "env -u NO_COLOR PS1='$ ' SHMBUS_NAMESPACE=\(space.namespace) SHMBUS_DIR=none bash --norc"
    run("\(tmux) -f /dev/null new-session -d -x 80 -y 24 \"\(shell)\"")
    #expect(eventually { screen.contains { $0.hasPrefix("$") } })
  }

  deinit { run("\(tmux) kill-server") }

  private var tmux: String { "tmux -S \(socket)" }

  @discardableResult
  func run(_ line: String) -> String { space.bash(line).output }

  func type(_ text: String) {
    let quoted = text.dropLast(text.hasSuffix("\n") ? 1 : 0).replacing("'", with: "'\\''")
    run("\(tmux) send-keys -l '\(quoted)'")
    if text.hasSuffix("\n") { key("Enter") }
  }

  func key(_ name: String) { run("\(tmux) send-keys \(name)") }

  func resize(columns: Int, lines: Int) {
    run("\(tmux) resize-window -x \(columns) -y \(lines)")
  }

  var screen: [String] {
    var lines = run("\(tmux) capture-pane -p").split(
      separator: "\n", omittingEmptySubsequences: false
    ).map(String.init)
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  var colouredScreen: String { run("\(tmux) capture-pane -p -e") }

  var shellPid: String {
    String(run("\(tmux) display-message -p '#{pane_pid}'").prefix { $0.isNumber })
  }

  /// Whether the screen comes to look like this; prints the last one if it does not.
  func shows(_ condition: ([String]) -> Bool) -> Bool {
    var last: [String] = []
    let found = eventually(within: 15) {
      last = screen
      return !last.isEmpty && condition(last)
    }
    if !found { print(last.joined(separator: "\n")) }
    return found
  }

  /// Whether the terminal is as a shell wants it: its lines, echo, a cursor, the first screen.
  func isRestored() -> Bool {
    type("stty -a | tr ' ' '\\n' | grep -cx -e icanon -e echo\n")
    let hasModes = shows { $0.contains("2") }
    let flags = run("\(tmux) display-message -p '#{alternate_on} #{cursor_flag}'")
    return hasModes && flags == "0 1\n"
  }
}

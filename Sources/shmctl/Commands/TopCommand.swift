import Arguments
import Glibc
import ShmBus
import ToolSupport

/// `shmctl top`.
enum TopCommand {
  private static let name = Argument(
    "NAME", optional: .string.completed(by: .lines(of: "shmctl list --names")),
    help: "The bus; without it, all of them: one after the other, or the first on a terminal.")
  private static let interval = Option(
    "interval", .duration, default: .seconds(1), help: "Time between two frames.")
  private static let count = Option(
    "count", .integer(1...),
    help: "End after so many frames (default: 1; on a terminal, when 'q' is pressed).")

  static let command = Command(
    "top", summary: "Watch a bus: rates, fill, who holds it, and who is attached.",
    discussion: """
      Looking disturbs nobody. Rates are in slots a second (a message takes one, or as many as it \
      needs); FILL and "behind" count the slots that must not be overwritten yet; LAG is what a \
      subscriber has still to read; SILENT is the time since a publisher last called its bus.

      Keys on a terminal: q quits, s sorts by row, rate, lag or age, n and p (or right and left, \
      or a digit) pick a bus, up and down scroll, h hides the line of keys.

      In a pipe it prints plain frames, the first of them after one interval.
      """,
    under: Heading.buses, arguments: [name],
    options: [interval, count, Shmctl.keyFile, Shmctl.json],
    examples: [
      Example("Watch a bus.", "shmctl top orders"),
      Example("Ten seconds of rates, for a script.", "shmctl top orders --count 10 --json"),
    ]
  ) { parsed in
    let pause = try nanoseconds(parsed[interval])
    // A bus that is not there is an error now, not a sentence on a screen.
    if let name = parsed[name] { _ = try Shmctl.openBus(name, parsed) }
    if Terminal.output.isTerminal, !parsed[Shmctl.json] {
      var session = TopSession(parsed[name], interval: pause)
      try session.run(frames: parsed[count])
    } else {
      try print(
        parsed[name], every: pause, frames: parsed[count] ?? 1, asJSON: parsed[Shmctl.json])
    }
    return 0
  }

  private static func nanoseconds(_ interval: Duration) throws -> UInt64 {
    guard interval >= .milliseconds(10) else {
      throw Failure(usage: "--interval must be 10ms or more")
    }
    return interval.nanoseconds
  }

  /// Frames without a terminal. Each has its rates: the first look of all is not shown.
  private static func print(
    _ name: String?, every pause: UInt64, frames: Int, asJSON: Bool
  ) throws {
    var source = TopSource()
    for bus in try name.map({ [$0] }) ?? Bus.list() { _ = source.look(at: bus) }
    for number in 0..<frames {
      try wait(pause)
      let names = try name.map { [$0] } ?? Bus.list()
      let looks = names.map { ($0, source.look(at: $0)) }
      if asJSON {
        try Program.print(PlainTop.json(looks).text + "\n")
      } else {
        try Program.print((number > 0 ? "\n" : "") + PlainTop.text(looks))
      }
    }
  }

  private static func wait(_ nanoseconds: UInt64) throws {
    let end = TopSource.now(CLOCK_MONOTONIC) + nanoseconds
    while true {
      let now = TopSource.now(CLOCK_MONOTONIC)
      if now >= end { return }
      if ScreenSignals.next(input: nil, within: end - now) == .interrupt { throw Interrupted() }
    }
  }
}

/// Frames as a pipe gets them.
enum PlainTop {
  static func text(_ looks: [(String, TopSource.Look)]) -> String {
    if looks.isEmpty { return "There are no buses; 'shmctl create NAME' makes one.\n" }
    let view = TopView(showsHelp: false)
    return looks.map { name, look in
      switch look {
      case .failure(let error): return "\(name): \(error.message)\n"
      case .frame(let frame):
        let picture = TopPicture(width: 132, height: .max, view: view)
        return picture.lines(of: frame).map { line in
          let text = line.text
          return text.prefix(
            upTo: (text.lastIndex { $0 != " " }).map(text.index(after:))
              ?? text.startIndex) + "\n"
        }.joined()
      }
    }.joined(separator: "\n")
  }

  static func json(_ looks: [(String, TopSource.Look)]) -> JSON {
    .fields([
      "time": .integer(TopSource.now(CLOCK_REALTIME)),
      "buses": .array(
        looks.map { name, look in
          switch look {
          case .frame(let frame): frame.json
          case .failure(let error):
            .fields(["name": .string(name), "error": .string(error.message)])
          }
        }),
    ])
  }
}

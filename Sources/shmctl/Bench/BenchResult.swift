import Arguments
import ToolSupport

/// What a bench has found; each is shown in the same three ways.
protocol BenchResult {
  var json: JSON { get }
  var text: String { get }
  var chart: Chart { get }
}

extension BenchResult {
  /// Prints it, and draws it where the command line asks for that.
  func show(_ parsed: Parsed) throws {
    try Program.print(parsed[Shmctl.json] ? json.text + "\n" : text)
    if let path = parsed[BenchOptions.svg] { try SVG.write(chart.document, to: path) }
  }
}

/// Options that several of them have.
enum BenchOptions {
  enum Pinning: String, CaseIterable, Sendable {
    case auto
    case none
  }

  static let size = Option(
    "size", .byteSize(1...(1 << 20)), default: 64, help: "Bytes of a message.")
  static let pin = Option(
    "pin", .choice(Pinning.self), default: .auto,
    help:
      "auto: each process stays on one processor, where there are two; none: the kernel moves them."
  )
  static let svg = Option("svg", .file, help: "Draw the figures into this file, too.")
  static let length = Option("seconds", .seconds, help: "How long, instead of --rounds.")

  /// The rounds that were asked for, unless a time was.
  static func extent(_ parsed: Parsed, _ rounds: Option<Int>) -> Extent {
    parsed[length].map { .seconds($0.measurable) } ?? .rounds(parsed[rounds])
  }

  static func conflict(with rounds: Option<Int>) -> Conflict {
    Conflict(rounds, length, because: "each says how long to measure")
  }

  /// Where processes run; empty leaves it to the kernel.
  static func processors(_ parsed: Parsed) -> [Int] {
    let allowed = Processors.allowed
    return parsed[pin] == .auto && allowed.count > 1 ? allowed : []
  }
}

/// A whole program, as one declaration: what it parses, and every text that is generated from it.
///
/// Nothing here reads or prints: the program hands in its words, and prints what it gets.
public struct Tool: Sendable {
  let root: Command
  let version: String

  /// The command `help COMMAND` of a tool that has commands; declared like any other.
  private let help: Argument<[String]>

  /// Makes a tool; its name is the root's.
  public init(_ root: Command, version: String) {
    self.version = version
    let names = root.commands.map(\.name)
    help = Argument(
      "COMMAND", repeated: .string.completed(by: .words(names)), atLeast: 0,
      help: "The command; without one, the tool as a whole.")
    guard !names.isEmpty else {
      self.root = root
      return
    }
    let command = Command("help", summary: "Show the help of a command.", arguments: [help]) { _ in
      preconditionFailure("parse(_:) answers help itself")
    }
    self.root = Command(
      root.name, summary: root.summary, discussion: root.discussion, examples: root.examples,
      commands: root.commands + [command])
  }

  /// What a command line asks for.
  public enum Request: Sendable {
    /// Run the command.
    case run(Command, Parsed)
    /// Print this help and exit with 0.
    case help(String)
    /// Print this line and exit with 0.
    case version(String)
  }

  /// Understands a command line, given without the name of the program.
  public func parse(_ words: some Sequence<String>) throws(UsageError) -> Request {
    var rest = ArraySlice(Array(words))
    var route = Route([root])
    while case .commands = route.command.body {
      guard let word = rest.popFirst() else {
        throw UsageError("'\(route)' needs a command; run '\(route) --help' for the list")
      }
      switch word {
      case "-h", "--help":
        return .help(route.help)
      case "--version" where route.isRoot:
        return .version("\(root.name) \(version)")
      default:
        route = try Self.step(from: route, by: word)
      }
    }
    var parser = Parser(route: route)
    switch try parser.collect(rest) {
    case .help: return .help(route.help)
    case .version: return .version("\(root.name) \(version)")
    case nil: break
    }
    let parsed = try parser.check()
    guard route.commands.count == 2, route.command.name == "help" else {
      return .run(route.command, parsed)
    }
    var subject = Route([root])
    for word in parsed[help] { subject = try Self.step(from: subject, by: word) }
    return .help(subject.help)
  }

  private static func step(from route: Route, by word: String) throws(UsageError) -> Route {
    if let next = route.command.commands.first(where: { $0.name == word }) {
      return Route(route.commands + [next])
    }
    if word.hasPrefix("-") {
      let placed = route.leaves.contains { $0.options.contains { $0.spellings.contains(word) } }
      throw UsageError(
        placed
          ? "\(word) belongs behind the command, as in '\(route) COMMAND \(word)'"
          : "unknown option \(word.quoted); run '\(route) --help' for what can be asked")
    }
    if case .action = route.command.body {
      throw UsageError("'\(route)' has no commands of its own; run '\(route) --help' to read on it")
    }
    let wayOut =
      word.nearest(in: route.command.commands.map(\.name)).map { "did you mean '\($0)'?" }
      ?? "run '\(route) --help' for the list"
    throw UsageError("unknown command \(word.quoted); \(wayOut)")
  }
}

/// The way from the root to a command, as typed: `shmctl group reset`.
struct Route: Sendable, CustomStringConvertible {
  let commands: [Command]

  init(_ commands: [Command]) { self.commands = commands }

  var command: Command { commands[commands.count - 1] }
  var isRoot: Bool { commands.count == 1 }
  var description: String { commands.map(\.name).joined(separator: " ") }

  /// The command's own options and those that every command, or the root, has.
  var options: [Declaration] { command.options + [.help] + (isRoot ? [.version] : []) }

  /// The routes one step further.
  var next: [Route] { command.commands.map { Route(commands + [$0]) } }

  /// This route and all beyond it, in the order of declaration.
  var all: [Route] { [self] + next.flatMap(\.all) }

  /// The commands on or beyond it that do something.
  var leaves: [Command] { all.map(\.command).filter(\.commands.isEmpty) }
}

/// One command: its declarations, and what to do once they are parsed.
public struct Command: Sendable {
  /// As typed; for the root, the name of the tool.
  public let name: String
  /// One line for the list of commands.
  public let summary: String
  let discussion: String
  /// The heading it stands under in the list of commands.
  let heading: String?
  let arguments: [Declaration]
  let options: [Declaration]
  let conflicts: [Conflict]
  let examples: [Example]
  let body: Body

  enum Body: Sendable {
    case action(@Sendable (Parsed) throws -> Int32)
    case commands([Command])
  }

  /// A command that does something.
  ///
  /// In `discussion` an empty line separates paragraphs, and lines that begin with two spaces
  /// keep their shape. `run` returns the exit code.
  public init(
    _ name: String, summary: String, discussion: String = "", under heading: String? = nil,
    arguments: [any Parameter] = [], options: [any Parameter] = [], conflicts: [Conflict] = [],
    examples: [Example] = [], run: @escaping @Sendable (Parsed) throws -> Int32
  ) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.heading = heading
    self.arguments = arguments.map(\.declaration)
    self.options = options.map(\.declaration)
    self.conflicts = conflicts
    self.examples = examples
    body = .action(run)
    checkDeclarations()
  }

  /// A command that is only a name for others, as the root of most tools is.
  public init(
    _ name: String, summary: String, discussion: String = "", under heading: String? = nil,
    examples: [Example] = [], commands: [Command]
  ) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.heading = heading
    arguments = []
    options = []
    conflicts = []
    self.examples = examples
    body = .commands(commands)
    precondition(commands.map(\.name).isUnique, "\(name) has two commands of one name")
  }

  /// Does what the command is for and returns the exit code.
  ///
  /// The parser gives out only commands that do something.
  public func run(_ parsed: Parsed) throws -> Int32 {
    guard case .action(let run) = body else { preconditionFailure("\(name) is not to be run") }
    return try run(parsed)
  }

  var commands: [Command] {
    if case .commands(let commands) = body { commands } else { [] }
  }

  /// A wrong declaration is a fault of the program, best found by the first run of any test.
  private func checkDeclarations() {
    let spellings = (arguments + options + [.help]).flatMap(\.spellings)
    precondition(spellings.isUnique, "\(name) declares two parameters of one name")
    for (argument, next) in zip(arguments, arguments.dropFirst()) {
      precondition(!argument.isRepeated, "\(next.spelling) cannot follow \(argument.spelling)")
      precondition(
        argument.isRequired || !next.isRequired,
        "\(next.spelling) is required and follows \(argument.spelling), which is not")
    }
  }
}

/// Parameters of which at most one may be given.
public struct Conflict: Sendable {
  let parameters: [Declaration]
  let reason: String

  /// States the conflict, and why, as the end of a sentence: "a group assigns partitions itself".
  public init(_ parameters: any Parameter..., because reason: String) {
    self.parameters = parameters.map(\.declaration)
    self.reason = reason
  }
}

/// A command line to learn from.
public struct Example: Sendable {
  let summary: String
  let line: String

  /// What the line does, and the line as typed.
  public init(_ summary: String, _ line: String) {
    self.summary = summary
    self.line = line
  }
}

extension Declaration {
  static let help = Flag("help", short: "h", help: "Show this help.").declaration
  static let version = Flag("version", help: "Show the version.").declaration
}

extension [String] {
  fileprivate var isUnique: Bool { Set(self).count == count }
}

import Arguments
import Testing

enum WhenFull: String, CaseIterable, Sendable {
  case block
  case overwrite
}

/// A tool with something of everything.
enum Sample {
  static let name = Argument(
    "NAME", .string.completed(by: .lines(of: "printf '%s\\n' orders 'other one' '$(touch oops)'")),
    help: "The bus.")
  static let target = Argument("TARGET", optional: .integer(), help: "Where to.")
  static let files = Argument("FILE", repeated: .file, help: "A file to read.")
  static let extra = Argument("EXTRA", repeated: .string, atLeast: 0, help: "What else.")

  static let force = Flag("force", short: "f", help: "Do it at once.")
  static let json = Flag("json", short: "j", help: "Print JSON.")
  static let slots = Option(
    "slots", short: "s", .integer(64...), default: 65_536,
    help: "Slots in each partition. A power of two is best.")
  static let size = Option(
    "slot-size", .byteSize(64...1 << 20), default: 4096, help: "Bytes in a slot")
  static let timeout = Option(
    "claim-timeout", .duration, default: .milliseconds(500), help: "How long a claim may last.")
  static let whenFull = Option(
    "when-full", .choice(), default: WhenFull.block, help: "What a full partition does.")
  static let group = Option("group", .string.named("GROUP"), help: "The group to join.")
  static let partition = Option(
    "partition", .list(of: .integer(0...)), help: "The partitions to read.")
  static let key = Option("key", short: "k", repeated: .string, help: "A key to look for.")
  static let state = Option("state-dir", .directory, help: "Where the state is kept.")
  static let input = Option("input", .file, help: "What to read.")
  static let to = Option("to", required: .integer(-5...5), help: "The new head.")

  static let create = Command(
    "create", summary: "Create a bus.",
    discussion: """
      The memory is allocated at once, so that a bus that was created never runs out of it later,
      whatever else the host is doing.

        1 MiB = 256 slots of 4 KiB
        .not a macro, 'nor this

      A second paragraph, naïve \\ and ~plain^.
      """,
    under: "Buses", arguments: [name],
    options: [slots, size, timeout, whenFull, state, force, json],
    examples: [Example("Create a bus of small slots.", "demo create orders --slot-size 64")]
  ) { parsed in parsed[force] ? 2 : 1 }

  static let read = Command(
    "read", summary: "Read files.", under: "Messages", arguments: [files],
    options: [group, partition, key, input],
    conflicts: [Conflict(group, partition, because: "a group assigns partitions itself")]
  ) { _ in throw UsageError("nothing to read") }

  static let reset = Command(
    "reset", summary: "Move a group.", arguments: [name, target], options: [to]
  ) { _ in 0 }
  static let drop = Command("drop", summary: "Remove a group.", arguments: [extra]) { _ in 0 }
  static let groups = Command(
    "group", summary: "Change groups.", under: "Messages", commands: [reset, drop])
  static let ping = Command("ping", summary: "Answer.") { _ in 0 }

  static let tool = Tool(
    Command(
      "demo", summary: "A tool to test with.", discussion: "It does nothing.",
      examples: [Example("See what there is.", "demo help")],
      commands: [create, read, groups, ping]),
    version: "1.2.3")

  /// A tool that is a single command.
  static let viewer = Tool(
    Command("view", summary: "Look.", arguments: [files], options: [json]) { _ in 0 },
    version: "4.5.6")

  static func parsed(_ line: String..., by tool: Tool = tool) throws -> Parsed {
    guard case .run(_, let parsed) = try tool.parse(line) else {
      throw UsageError("\(line) runs nothing")
    }
    return parsed
  }

  static func help(_ line: String..., by tool: Tool = tool) throws -> String {
    guard case .help(let text) = try tool.parse(line) else {
      throw UsageError("\(line) asks for no help")
    }
    return text
  }

  /// The sentence with which a line is refused; "" if it is accepted.
  static func refusal(_ line: String..., by tool: Tool = tool) -> String {
    do throws(UsageError) {
      _ = try tool.parse(line)
      return ""
    } catch {
      return error.description
    }
  }
}

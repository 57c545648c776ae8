import Arguments
import ShmBus
import ToolSupport

/// `shmctl group reset` and `shmctl group delete`.
enum GroupCommand {
  private static let group = Argument("GROUP", .string, help: "The group.")
  private static let member = Option(
    "member", .string.named("NAME"), help: "In a broadcast group: whose heads.")
  private static let to = Option(
    "to", required: .place,
    help: "Where to: what is there, what comes next, an offset, a time, or steps from each head.")
  private static let partitions = Option(
    "partition", short: "p", repeated: .integer(0...), help: "Only this one.")
  private static let dryRun = Flag("dry-run", help: "Only tell what would move.")
  private static let force = Flag("force", help: "Although members live. They are told.")

  static let command = Command(
    "group", summary: "Move or delete a group.", under: Heading.groups,
    commands: [reset, delete])

  private static let reset = Command(
    "reset", summary: "Move a group's heads, back or forth.",
    discussion: """
      Members may be at work: they go on from the new place, and what they read before cannot be \
      committed any more. Publishers that the old heads held go on at once. Offsets are rounded up \
      to the next message, and kept within what is there; +N and -N count slots from each head.

      \(TimeText.sentence)
      """,
    arguments: [Shmctl.busName, group],
    options: [to, partitions, member, dryRun, Shmctl.keyFile, Shmctl.json],
    examples: [
      Example("Do it all again.", "shmctl group reset orders billing --to earliest"),
      Example(
        "See what an hour back would be.",
        "shmctl group reset orders billing --to time:-1h --dry-run"),
      Example("Skip ten slots of partition 2.", "shmctl group reset orders billing --to +10 -p 2"),
    ]
  ) { parsed in
    let bus = try Shmctl.openBus(parsed)
    let chosen = parsed[partitions].isEmpty ? nil : parsed[partitions]
    let moves = try bus.resetGroup(
      parsed[group], member: parsed[member], to: parsed[to].start, partitions: chosen,
      dryRun: parsed[dryRun])
    try Program.print(
      parsed[Shmctl.json]
        ? json(parsed[group], moves, isDone: !parsed[dryRun]).text + "\n"
        : text(moves, isDone: !parsed[dryRun]))
    return 0
  }

  private static let delete = Command(
    "delete", summary: "Delete a group.",
    discussion: """
      Its heads are gone; publishers that they held go on at once. Refused with 69 while members \
      live, unless --force is given: then they are told, and their commits fail.
      """,
    arguments: [Shmctl.busName, group], options: [force, Shmctl.keyFile]
  ) { parsed in
    try Shmctl.openBus(parsed).deleteGroup(parsed[group], force: parsed[force])
    return 0
  }

  private static func text(_ moves: [GroupMove], isDone: Bool) -> String {
    let lines = moves.map { move in
      "\(move.partition)".right(9) + Numbers.grouped(move.from).right(17)
        + Numbers.grouped(move.to).right(17)
        + Numbers.signed(from: move.from, to: move.to).right(17)
    }
    let last = isDone ? [] : ["Nothing was moved: this was --dry-run."]
    return (["PARTITION             FROM               TO             STEP"] + lines + last)
      .map { $0 + "\n" }.joined()
  }

  private static func json(_ name: String, _ moves: [GroupMove], isDone: Bool) -> JSON {
    .fields([
      "group": .string(name), "moved": .bool(isDone),
      "partitions": .array(
        moves.map {
          .fields([
            "partition": .integer($0.partition), "from": .integer($0.from), "to": .integer($0.to),
          ])
        }),
    ])
  }
}

extension Numbers {
  /// "+1,200", "-3", "0".
  fileprivate static func signed(from: UInt64, to: UInt64) -> String {
    to > from ? "+" + grouped(to - from) : to < from ? "-" + grouped(from - to) : "0"
  }
}

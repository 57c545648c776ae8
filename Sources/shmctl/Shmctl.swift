import Arguments
import ShmBus

/// The tool as one declaration.
enum Shmctl {
  static let version = "0.1.0"

  static let tool: Tool = Tool(
    Command(
      "shmctl",
      summary: "Create, feed, read and inspect message buses in shared memory.",
      discussion: """
        A bus is a named, partitioned, ordered log of messages in POSIX shared memory on this host. \
        There is no broker and no daemon: the commands below work on the bus itself, beside \
        whichever processes use it.

        SHMBUS_NAMESPACE=x in the environment keeps a set of buses apart from all others.

        Exit codes: 0 done, 64 wrong usage, 65 damaged or unfit data, 66 no such bus or file, \
        69 unavailable, 73 cannot create, 74 reading or writing failed, 75 try \
        again, 77 permission, 130 interrupted.
        """,
      examples: [
        Example("See a bus at work, in ten seconds.", "shmctl demo"),
        Example("Make a bus and read from it.", "shmctl create orders && shmctl subscribe orders"),
        Example("In another terminal, send it a line.", "echo hello | shmctl publish orders"),
      ],
      commands: [
        CreateCommand.command, PlanCommand.command, ListCommand.command, StatCommand.command,
        TopCommand.command, AlterCommand.command, TrimCommand.command, SyncCommand.command,
        AdoptCommand.command, NUMACommand.command, RecoverCommand.command, DoctorCommand.command,
        RemoveCommand.command, PublishCommand.command, SubscribeCommand.command,
        CheckpointCommand.command, RestoreCommand.command, KeeperCommand.command,
        GroupsCommand.command, GroupCommand.command, DemoCommand.command, BenchCommand.command,
        CompletionsCommand.command, ManCommand.command,
      ]),
    version: version)

  /// The name of a bus that exists, as an argument.
  static let busName = Argument(
    "NAME", .string.completed(by: .lines(of: "shmctl list --names")), help: "The bus.")

  static let json = Flag("json", help: "Print JSON.")

  /// Where the access key of a bus is, if it has one.
  static let keyFile = Option("key-file", .file, help: "The bus's access key, if it has one.")

  /// Opens the bus that the command line names, with the key that it names.
  static func openBus(_ parsed: Parsed, keepsHouse: Bool = false) throws(BusError) -> Bus {
    try openBus(parsed[busName], parsed, keepsHouse: keepsHouse)
  }

  /// Who looks and goes keeps no house.
  static func openBus(
    _ name: String, _ parsed: Parsed, keepsHouse: Bool = false
  ) throws(BusError) -> Bus {
    try Bus.open(name, key: key(parsed), keepsHouse: keepsHouse)
  }

  /// The key that the command line names.
  static func key(_ parsed: Parsed) throws(BusError) -> AccessKey? {
    try parsed[keyFile].map { path throws(BusError) in try AccessKey(file: path) }
  }
}

/// The headings that commands stand under in the list.
enum Heading {
  static let buses = "Buses"
  static let messages = "Messages"
  static let groups = "Groups"
  static let trying = "Trying it out"
  static let shell = "Shell and manual"
}

import Arguments
import ShmBus
import ToolSupport

/// `shmctl checkpoint`.
enum CheckpointCommand {
  static let command = Command(
    "checkpoint", summary: "Write a bus's state to disk now.",
    discussion: """
      Geometry, groups and heads, producers, and how far offsets may be handed out; not the \
      messages. The housekeeper does the same every second: any process that has the bus open, or \
      'shmctl keeper'. Returns when it is on the disk.
      """,
    under: Heading.buses, arguments: [Shmctl.busName], options: [Shmctl.keyFile, Shmctl.json]
  ) { parsed in
    let bus = try Shmctl.openBus(parsed)
    try bus.checkpoint()
    let state = try bus.status().state
    try Program.print(
      parsed[Shmctl.json]
        ? JSON.fields([
          "name": .string(bus.name), "number": .integer(state.checkpointNumber),
          "folder": state.folder.map { .string($0) } ?? .null,
        ]).text + "\n"
        : "Checkpoint \(state.checkpointNumber) of bus '\(bus.name)' is in "
          + "\(state.folder ?? "memory").\n")
    return 0
  }
}

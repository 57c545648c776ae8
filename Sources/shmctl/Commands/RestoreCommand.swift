import Arguments
import ShmBus
import ToolSupport

/// `shmctl restore`.
enum RestoreCommand {
  private static let directory = Option(
    "state-dir", .directory,
    help: "The state directory it is in (default: $SHMBUS_DIR; for root /var/lib/shmbus, else "
      + "$XDG_STATE_HOME/shmbus).")

  private static let storage = Option(
    "storage", .directory, help: "Where a stored bus's partitions are, if they have moved.")

  static let command = Command(
    "restore", summary: "Bring back a bus whose memory is gone, from its checkpoint.",
    discussion: """
      After a reboot, opening the bus does the same. It has its name, geometry, modes, groups and \
      producers; its messages are lost, but those of a stored bus, which are taken from its files. \
      Offsets go on above every one that was ever handed out, and each group is told the range that \
      it lost.

      Exit codes: 65 if both copies of the checkpoint are damaged, 66 if there is none, 73 if the \
      bus is in memory, 77 if the state is somebody else's.
      """,
    under: Heading.buses, arguments: [Shmctl.busName],
    options: [directory, storage, Shmctl.keyFile, Shmctl.json]
  ) { parsed in
    let bus = try Bus.restore(
      parsed[Shmctl.busName], from: Geometry.directory(parsed[directory]),
      storage: parsed[storage], key: Shmctl.key(parsed), keepsHouse: false)
    let status = try bus.status()
    try Program.print(
      parsed[Shmctl.json]
        ? JSON.fields([
          "name": .string(bus.name), "identity": .integer(bus.identity),
          "partitions": .array(
            status.partitions.map {
              .fields(["partition": .integer($0.partition), "origin": .integer($0.cursor)])
            }),
          "groups": .array(try bus.groups().map { .string($0.name) }),
        ]).text + "\n"
        : "Restored bus '\(bus.name)': \(status.configuration.sentence), "
          + "\(try bus.groups().count) groups; offsets go on at "
          + status.partitions.map { Numbers.grouped($0.cursor) }.joined(separator: ", ") + ".\n")
    return 0
  }
}

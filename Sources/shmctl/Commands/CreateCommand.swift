import Arguments
import ShmBus
import ToolSupport

/// `shmctl create`.
enum CreateCommand {
  private static let name = Argument(
    "NAME", .string, help: "What to call it: 1 to 64 letters, digits, '-' or '_'.")
  private static let geometry = Geometry()

  static let command = Command(
    "create", summary: "Create a bus.",
    discussion: """
      All of its memory is allocated now, or nothing is: a full /dev/shm is an error here, not a \
      crash later. 'shmctl plan' tells beforehand how much it takes.
      """,
    under: Heading.buses, arguments: [name], options: geometry.all + [Shmctl.json],
    examples: [
      Example("With the defaults.", "shmctl create orders"),
      Example(
        "Four partitions of small messages that never hold a publisher.",
        "shmctl create ticks --partitions 4 --slot-size 64 --when-full overwrite"),
    ]
  ) { parsed in
    let configuration = try geometry.configuration(parsed)
    let bus = try Bus.create(parsed[name], configuration)
    try Program.print(
      parsed[Shmctl.json]
        ? JSON.fields([
          "name": .string(bus.name), "generation": .integer(bus.generation),
          "bytes": .integer(configuration.totalBytes), "configuration": configuration.json,
          "placements": .array(try bus.placements().map(\.json)),
        ]).text + "\n"
        : "Created bus '\(bus.name)': \(configuration.sentence), "
          + "\(Numbers.bytes(configuration.totalBytes)).\n"
          + PlacementText(bus, 0..<bus.partitions).text)
    return 0
  }
}

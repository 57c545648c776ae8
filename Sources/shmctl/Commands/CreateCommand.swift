import Arguments
import ShmBus
import ToolSupport

/// `shmctl create`.
enum CreateCommand {
  private static let name = Argument(
    "NAME", .string, help: "What to call it: 1 to 64 letters, digits, '-' or '_'.")
  private static let geometry = Geometry()
  private static let keyFile = Option(
    "key-file", .file,
    help: "Ask everybody who opens it for the 16 to 4,096 bytes in this file of yours.")

  static let command = Command(
    "create", summary: "Create a bus.",
    discussion: """
      All of its memory is allocated now, or nothing is: a full /dev/shm is an error here, not a \
      crash later. 'shmctl plan' tells beforehand how much it takes. Where the state of a bus of \
      this name is kept, it is refused with 73: 'shmctl restore' brings that back.
      """,
    under: Heading.buses, arguments: [name], options: geometry.all + [keyFile, Shmctl.json],
    examples: [
      Example("With the defaults.", "shmctl create orders"),
      Example(
        "Four partitions of small messages that never hold a publisher.",
        "shmctl create ticks --partitions 4 --slot-size 64 --when-full overwrite"),
      Example(
        "Messages that one group may publish and another only read.",
        "shmctl create orders --publish-group desk --subscribe-group readers"),
    ]
  ) { parsed in
    let configuration = try geometry.configuration(parsed)
    let key = try parsed[keyFile].map { try AccessKey(file: $0) }
    let bus = try Bus.create(parsed[name], configuration, key: key, keepsHouse: false)
    try Program.print(
      parsed[Shmctl.json]
        ? JSON.fields([
          "name": .string(bus.name), "generation": .integer(bus.generation),
          "bytes": .integer(configuration.totalBytes), "configuration": bus.configuration.json,
          "placements": .array(try bus.placements().map(\.json)),
        ]).text + "\n"
        : "Created bus '\(bus.name)': \(configuration.sentence), "
          + "\(configuration.placeSentence).\n"
          + PlacementText(bus, 0..<bus.partitions).text)
    return 0
  }
}

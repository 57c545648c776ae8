import Arguments
import ShmBus
import ToolSupport

/// `shmctl alter`.
enum AlterCommand {
  private static let partitions = Option(
    "partitions", required: .integer(1...), help: "How many it is to have: as many, or more.")

  static let command = Command(
    "alter", summary: "Add partitions to a bus that is in use.",
    discussion: """
      Partitions can only be added, up to --max-partitions of 'create'. Publishers and subscribers \
      that are attached take them in; every group reads a new one from its first message. From then \
      on a key may go to another partition than before, so the order of its messages holds before \
      and after, not across.
      """,
    under: Heading.buses, arguments: [Shmctl.busName],
    options: [partitions, Shmctl.keyFile, Shmctl.json]
  ) { parsed in
    let bus = try Shmctl.openBus(parsed)
    let before = bus.partitions
    try bus.addPartitions(to: parsed[partitions])
    try Program.print(
      parsed[Shmctl.json]
        ? JSON.fields([
          "name": .string(bus.name), "from": .integer(before),
          "partitions": .integer(bus.partitions),
          "placements": .array(try bus.placements().map(\.json)),
        ]).text + "\n"
        : bus.partitions == before
          ? "Bus '\(bus.name)' has \(before) partitions already.\n"
          : "Bus '\(bus.name)' has \(bus.partitions) partitions; it had \(before).\n"
            + PlacementText(bus, before..<bus.partitions).text)
    return 0
  }
}

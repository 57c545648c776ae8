import Arguments
import ShmBus
import ToolSupport

/// `shmctl adopt`.
enum AdoptCommand {
  private static let name = Argument("NAME", .string, help: "The bus that the files are of.")
  private static let storage = Option(
    "storage", required: .existingDirectory, help: "The directory that has its partitions.")
  private static let whenFull = Option(
    "when-full", .choice(Geometry.Policy.self), default: .block,
    help: "What publishers do when somebody has not read.")
  private static let sync = Option(
    "sync", .syncPolicy, default: SyncChoice(.none),
    help: "When it reaches the disk from now on.")

  private static let keyFile = Option(
    "key-file", .file, help: "A key that whoever opens it must show from now on.")

  static let command = Command(
    "adopt", summary: "Bring back a stored bus from its files, after a reboot.",
    discussion: """
      Makes a new control segment for the partitions that 'create --storage' left in the directory, \
      keeps every message that is whole at its offset, and turns the rest into gaps that readers are \
      told of. Publishing goes on above every offset that was ever handed out. Groups, their heads and \
      the access key are not in these files: 'shmctl restore' brings them back, where the bus has \
      state that is whole, and this is refused.
      """,
    under: Heading.buses, arguments: [name],
    options: [storage, whenFull, sync, keyFile, Shmctl.json],
    examples: [
      Example("After a reboot.", "shmctl adopt orders --storage /var/lib/buses")
    ]
  ) { parsed in
    let configuration = BusConfiguration(
      whenFull: parsed[whenFull] == .block ? .block : .overwrite, storage: parsed[storage],
      sync: parsed[sync].policy)
    let (bus, partitions) = try Bus.adopt(
      parsed[name], storage: parsed[storage], configuration,
      key: parsed[keyFile].map { try AccessKey(file: $0) }, keepsHouse: false)
    try Program.print(
      parsed[Shmctl.json]
        ? json(bus, partitions).text + "\n" : text(bus, partitions))
    return 0
  }

  private static func text(_ bus: Bus, _ partitions: [RecoveredPartition]) -> String {
    var lines = ["Bus '\(bus.name)' is back: \(bus.configuration.sentence)."]
    lines.append("PARTITION         OLDEST         CURSOR       MESSAGES           LOST")
    lines += partitions.map { partition in
      "\(partition.partition)".right(9) + Numbers.grouped(partition.oldest).right(15)
        + Numbers.grouped(partition.cursor).right(15)
        + Numbers.grouped(partition.messages).right(15)
        + Numbers.grouped(partition.lost.reduce(0) { $0 + $1.count }).right(15)
    }
    lines.append(
      "LOST counts slots that readers get a gap for; most of them were never handed out.")
    return lines.map { $0 + "\n" }.joined()
  }

  private static func json(_ bus: Bus, _ partitions: [RecoveredPartition]) -> JSON {
    .fields([
      "name": .string(bus.name), "generation": .integer(bus.generation),
      "configuration": bus.configuration.json,
      "partitions": .array(
        partitions.map { partition in
          .fields([
            "partition": .integer(partition.partition), "oldest": .integer(partition.oldest),
            "cursor": .integer(partition.cursor), "messages": .integer(partition.messages),
            "lost": .array(
              partition.lost.map {
                .fields(["from": .integer($0.lowerBound), "to": .integer($0.upperBound)])
              }),
          ])
        }),
    ])
  }
}

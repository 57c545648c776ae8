import Arguments
import ShmBus
import ToolSupport

/// `shmctl sync`.
enum SyncCommand {
  static let command = Command(
    "sync", summary: "Put everything published to a stored bus on its disk.",
    discussion: """
      When it is done, all that was published before survives the host. DURABLE is the offset below \
      which nothing is missing. A bus with --sync interval:MS is synced by whoever keeps house: any \
      process that has it open, or 'shmctl keeper'.
      """,
    under: Heading.buses, arguments: [Shmctl.busName], options: [Shmctl.keyFile, Shmctl.json]
  ) { parsed in
    let bus = try Shmctl.openBus(parsed)
    try bus.sync()
    let durable = (0..<bus.partitions).map { bus.durableOffset(partition: $0) ?? 0 }
    try Program.print(
      parsed[Shmctl.json] ? json(bus.name, durable).text + "\n" : text(durable))
    return 0
  }

  private static func json(_ name: String, _ durable: [Offset]) -> JSON {
    .fields([
      "name": .string(name),
      "partitions": .array(
        durable.enumerated().map {
          .fields(["partition": .integer($0.offset), "durable": .integer($0.element)])
        }),
    ])
  }

  private static func text(_ durable: [Offset]) -> String {
    let lines = durable.enumerated().map {
      "\($0.offset)".right(9) + Numbers.grouped($0.element).right(15)
    }
    return (["PARTITION        DURABLE"] + lines).map { $0 + "\n" }.joined()
  }
}

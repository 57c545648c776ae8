import Arguments
import Glibc
import ShmBus
import ToolSupport

/// `shmctl sync`.
enum SyncCommand {
  private static let keep = Flag(
    "keep",
    help: "Go on, at the interval of the bus's --sync, until it is removed or a signal comes.")

  static let command = Command(
    "sync", summary: "Put everything published to a stored bus on its disk.",
    discussion: """
      When it is done, all that was published before survives the host. DURABLE is the offset below \
      which nothing is missing. With --keep it is the service that a bus with --sync interval:MS needs \
      if no process of its own keeps house.
      """,
    under: Heading.buses, arguments: [Shmctl.busName], options: [keep, Shmctl.json],
    conflicts: [Conflict(keep, Shmctl.json, because: "a service prints nothing")]
  ) { parsed in
    let bus = try Bus.open(parsed[Shmctl.busName])
    if parsed[keep] { return try keep(bus) }
    try bus.sync()
    let durable = (0..<bus.partitions).map { bus.durableOffset(partition: $0) ?? 0 }
    try Program.print(
      parsed[Shmctl.json]
        ? JSON.fields([
          "name": .string(bus.name),
          "partitions": .array(
            durable.enumerated().map {
              .fields(["partition": .integer($0.offset), "durable": .integer($0.element)])
            }),
        ]).text + "\n"
        : (["PARTITION        DURABLE"]
          + durable.enumerated().map {
            "\($0.offset)".right(9) + Numbers.grouped($0.element).right(15)
          }).map { $0 + "\n" }.joined())
    return 0
  }

  private static func keep(_ bus: Bus) throws -> Int32 {
    guard case .interval(let interval) = bus.configuration.sync else {
      throw UsageError(
        "bus '\(bus.name)' has no interval: create it with --sync interval:MILLISECONDS")
    }
    let (seconds, attoseconds) = interval.components
    let pause = UInt32(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    // Ends: when the bus is removed, or with a signal.
    while !bus.isRemoved {
      try Interrupted.check()
      try bus.tendStorage()
      _ = usleep(pause)
    }
    return 0
  }
}

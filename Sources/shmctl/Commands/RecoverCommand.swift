import Arguments
import ShmBus
import ToolSupport

/// `shmctl recover`.
enum RecoverCommand {
  static let command = Command(
    "recover", summary: "Free what dead processes left on a bus.",
    discussion: """
      Their open claims become padding, their heads hold nothing back, their rows are free again. \
      The sparse index is written anew where it is not right. Nobody needs it: whoever is held up by \
      the dead does the same, and lookups tolerate a wrong index. It disturbs nobody alive, stopped or \
      stalled.
      """,
    under: Heading.buses, arguments: [Shmctl.busName],
    options: [Shmctl.keyFile, Shmctl.json]
  ) { parsed in
    let bus = try Shmctl.openBus(parsed)
    let dead = try bus.status().endpoints.filter { $0.state == .dead }
    let count = try bus.recover()
    let entries = try bus.rebuildIndex()
    let left = try bus.status().endpoints
    // Somebody else may have freed some of them, and others may have died since.
    let freed = dead.filter { endpoint in
      !left.contains { $0.row == endpoint.row && $0.attached == endpoint.attached }
    }
    try Program.print(
      parsed[Shmctl.json]
        ? json(bus.name, count, entries, freed).text + "\n"
        : text(bus.name, count, freed)
          + (entries == 0 ? "" : "Wrote \(entries) entries of the index anew.\n"))
    return 0
  }

  private static func json(
    _ name: String, _ count: Int, _ entries: Int, _ freed: [BusStatus.Endpoint]
  ) -> JSON {
    .fields([
      "name": .string(name), "freed": .integer(count), "indexEntries": .integer(entries),
      "endpoints": .array(
        freed.map {
          .fields([
            "row": .integer($0.row), "role": .string($0.role.rawValue), "pid": .integer($0.pid),
            "command": .string($0.command),
          ])
        }),
    ])
  }

  private static func text(
    _ name: String, _ count: Int, _ freed: [BusStatus.Endpoint]
  ) -> String {
    if count == 0, freed.isEmpty { return "Nobody died on bus '\(name)'; nothing to free.\n" }
    return freed.map { endpoint in
      "Freed row \(endpoint.row) of a dead \(endpoint.role.rawValue): pid \(endpoint.pid) "
        + "(\(endpoint.command)).\n"
    }.joined() + (freed.isEmpty ? "Freed \(count) rows.\n" : "")
  }
}

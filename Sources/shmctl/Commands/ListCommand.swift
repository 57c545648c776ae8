import Arguments
import ShmBus
import ToolSupport

/// `shmctl list`.
enum ListCommand {
  private static let names = Flag("names", help: "Print nothing but the names, one a line.")

  static let command = Command(
    "list", summary: "List the buses of this host.",
    discussion: "A bus that cannot be opened is listed with the reason.",
    under: Heading.buses, options: [names, Shmctl.json],
    conflicts: [Conflict(names, Shmctl.json, because: "each is a format of its own")]
  ) { parsed in
    let found = try Bus.list()
    if parsed[names] {
      try Program.print(found.map { $0 + "\n" }.joined())
      return 0
    }
    let entries = found.compactMap(ListEntry.init)
    if parsed[Shmctl.json] {
      try Program.print(JSON.fields(["buses": .array(entries.map(\.json))]).text + "\n")
    } else if entries.isEmpty {
      try Program.print("There are no buses; 'shmctl create NAME' makes one.\n")
    } else {
      try Program.print(ListEntry.table(entries))
    }
    return 0
  }
}

/// One bus, as the list shows it.
struct ListEntry {
  private let name: String
  private let found: Result<BusStatus, BusError>

  /// Nil for a bus that was removed since its name was read.
  init?(_ name: String) {
    self.name = name
    do throws(BusError) {
      found = .success(try Bus.look(at: name).status())
    } catch {
      if error.code == .notFound { return nil }
      found = .failure(error)
    }
  }

  var json: JSON {
    switch found {
    case .success(let status):
      .fields([
        "name": .string(name), "partitions": .integer(status.partitions.count),
        "slots": .integer(status.configuration.slots),
        "slotSize": .integer(status.configuration.slotSize),
        "bytes": .integer(status.configuration.totalBytes),
        "published": .integer(published(status)),
        "publishers": .integer(count(status) { $0 == .publisher }),
        "subscribers": .integer(count(status) { $0 != .publisher }),
      ])
    case .failure(let error):
      .fields(["name": .string(name), "error": .string(error.message)])
    }
  }

  static func table(_ entries: [ListEntry]) -> String {
    let rows = entries.map(\.cells)
    let width = max(4, rows.map { $0[0].count }.max() ?? 0)
    let heading = ["NAME", "PARTITIONS", "SLOTS", "SLOT", "MEMORY", "PUBLISHED", "PUB", "SUB"]
    return ([heading] + rows).map { row in
      if row.count == 2 { return "\(row[0].left(width))  \(row[1])\n" }
      let numbers = zip(row.dropFirst(), [10, 13, 9, 10, 16, 4, 4]).map { $0.right($1) }
      return row[0].left(width) + "  " + numbers.joined(separator: " ") + "\n"
    }.joined()
  }

  private var cells: [String] {
    switch found {
    case .failure(let error): [name, error.message]
    case .success(let status):
      [
        name, "\(status.partitions.count)", Numbers.grouped(status.configuration.slots),
        Numbers.bytes(status.configuration.slotSize),
        Numbers.bytes(status.configuration.totalBytes), Numbers.grouped(published(status)),
        "\(count(status) { $0 == .publisher })", "\(count(status) { $0 != .publisher })",
      ]
    }
  }

  /// Slots handed out since the bus began.
  private func published(_ status: BusStatus) -> UInt64 {
    status.partitions.reduce(0) { $0 + $1.cursor }
  }

  private func count(
    _ status: BusStatus, _ isWanted: (BusStatus.Endpoint.Role) -> Bool
  ) -> Int { status.endpoints.count { $0.state != .dead && isWanted($0.role) } }
}

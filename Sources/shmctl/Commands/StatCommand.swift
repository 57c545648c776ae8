import Arguments
import ShmBus
import ToolSupport

/// `shmctl stat`.
enum StatCommand {
  static let command = Command(
    "stat", summary: "Show a bus: geometry, partitions, endpoints, and who holds it.",
    discussion: """
      Looking disturbs nobody. Offsets, lag and capacity are in slots; times are in nanoseconds \
      since 1970. States: alive, stalled (its process lives, but has not called the bus for longer than the claim timeout, \
      although it sits on a claim or has something to read), dead (its \
      process is gone; what it left is resolved by whoever meets it).
      """,
    under: Heading.buses, arguments: [Shmctl.busName], options: [Shmctl.json]
  ) { parsed in
    let status = try Bus.open(parsed[Shmctl.busName]).status()
    try Program.print(parsed[Shmctl.json] ? status.json.text + "\n" : status.text)
    return 0
  }
}

extension BusStatus {
  /// The contract: `name`, `partitions`, `endpoints` and their members keep their names.
  var json: JSON {
    .fields([
      "name": .string(name), "generation": .integer(generation), "created": .integer(created),
      "admissions": .integer(admissions), "configuration": configuration.json,
      "partitions": .array(partitions.map(\.json)), "endpoints": .array(endpoints.map(\.json)),
    ])
  }

  var text: String {
    let policy = configuration.whenFull == .block ? "publishers wait" : "the oldest is overwritten"
    var lines = [
      "\(name): \(configuration.sentence)",
      "\(Numbers.bytes(configuration.totalBytes)) of shared memory; when full, \(policy)",
      "",
      "PARTITION         CURSOR         OLDEST       KEPT   HELD BY",
    ]
    lines += partitions.map { partition in
      let kept = partition.cursor - min(partition.cursor, partition.gate)
      return "\(partition.partition)".right(9)
        + Numbers.grouped(partition.cursor).right(15) + Numbers.grouped(partition.oldest).right(15)
        + Numbers.grouped(kept).right(11) + "   " + (partition.holder?.sentence ?? "nobody")
    }
    lines.append("")
    if endpoints.isEmpty {
      lines.append("Nobody is attached.")
    } else {
      lines.append("ROW  ROLE        PID      STATE    LAG          COMMAND")
      lines += endpoints.map { endpoint in
        let lag = endpoint.role == .subscriber ? Numbers.grouped(lag(of: endpoint)) : "-"
        return "\(endpoint.row)".right(3) + "  " + endpoint.role.rawValue.left(12)
          + "\(endpoint.pid)".left(9) + endpoint.state.rawValue.left(9) + lag.left(13)
          + endpoint.command.printable
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Slots a subscriber has still to read, over all its partitions.
  func lag(of endpoint: Endpoint) -> UInt64 {
    partitions.reduce(0) { sum, partition in
      guard let head = endpoint.heads[partition.partition] else { return sum }
      return sum + (partition.cursor - min(partition.cursor, head))
    }
  }
}

extension BusStatus.Partition {
  fileprivate var json: JSON {
    .fields([
      "partition": .integer(partition), "cursor": .integer(cursor), "oldest": .integer(oldest),
      "capacity": .integer(capacity), "gate": .integer(gate),
      "holder": holder?.json ?? .null,
    ])
  }
}

extension BusStatus.Endpoint {
  fileprivate var json: JSON {
    .fields([
      "row": .integer(row), "role": .string(role.rawValue), "pid": .integer(pid),
      "state": .string(state.rawValue), "group": .null, "command": .string(command),
      "attached": .integer(attached), "heartbeat": .integer(heartbeat),
      "heads": .array(
        heads.sorted { $0.key < $1.key }.map {
          .fields(["partition": .integer($0.key), "head": .integer($0.value)])
        }),
    ])
  }
}

extension BusStatus.Holder {
  fileprivate var sentence: String { "the \(words.role) in row \(words.row)" }

  fileprivate var json: JSON {
    .fields(["role": .string(words.role), "row": .integer(words.row)])
  }

  private var words: (role: String, row: Int) {
    switch self {
    case .subscriber(let row): ("subscriber", row)
    case .group(let row): ("group", row)
    case .publisher(let row): ("publisher", row)
    }
  }
}

import Arguments
import ShmBus
import ToolSupport

/// `shmctl stat`.
enum StatCommand {
  private enum Format: String, CaseIterable, Sendable {
    case text
    case json
    case openmetrics
  }

  private static let name = Argument(
    "NAME", optional: .string.completed(by: .lines(of: "shmctl list --names")),
    help: "The bus; openmetrics without it: all of them.")
  private static let format = Option(
    "format", .choice(Format.self), default: .text, help: "How to print it; --json is for json.")

  static let command = Command(
    "stat", summary: "Show a bus: geometry, partitions, groups, endpoints, and who holds it.",
    discussion: """
      Looking disturbs nobody. Offsets, lag and capacity are in slots; times are in nanoseconds \
      since 1970. States: alive, stalled (its process lives, but has not called the bus for longer than the claim timeout, \
      although it sits on a claim or has something to read), dead (its \
      process is gone; what it left is resolved by whoever meets it).

      --format openmetrics prints what Prometheus and its like collect: cursors, what is kept, \
      endpoints, and for each group and partition head, lag and lead in slots and in seconds.
      """,
    under: Heading.buses, arguments: [name],
    options: [format, Shmctl.keyFile, Shmctl.json],
    conflicts: [Conflict(format, Shmctl.json, because: "each is a format of its own")],
    examples: [
      Example("One bus.", "shmctl stat orders"),
      Example("A collector's file, for all buses.", "shmctl stat --format openmetrics"),
    ]
  ) { parsed in
    let format = parsed[Shmctl.json] ? .json : parsed[format]
    if format == .openmetrics {
      if let name = parsed[name] { _ = try Shmctl.openBus(name, parsed) }
      try Program.print(metrics(of: parsed[name]))
      return 0
    }
    guard let name = parsed[name] else {
      throw UsageError("'shmctl stat' needs NAME, except with --format openmetrics")
    }
    let bus = try Shmctl.openBus(name, parsed)
    let status = try bus.status()
    let groups = try bus.groups()
    try Program.print(format == .json ? status.json(groups).text + "\n" : status.text(groups))
    return 0
  }

  private static func metrics(of name: String?) throws -> String {
    var metrics = BusMetrics()
    for found in try name.map({ [$0] }) ?? Bus.list() {
      do throws(BusError) {
        let bus = try Bus.look(at: found)
        metrics.add(try bus.status(), try bus.groups())
      } catch {
        // One that was asked for by its name is an error; of many, the others are still shown.
        if name != nil { throw error }
        if error.code == .notFound { continue }
        Program.warn("shmctl: \(error.message)")
        metrics.addUnreadable(found)
      }
    }
    return metrics.text
  }
}

extension BusStatus {
  /// The contract: `name`, `partitions`, `endpoints` and their members keep their names.
  func json(_ groups: [GroupStatus]) -> JSON {
    .fields([
      "name": .string(name), "generation": .integer(generation), "created": .integer(created),
      "admissions": .integer(admissions), "identity": .integer(identity),
      "restored": .integer(restored), "state": state.json, "configuration": configuration.json,
      "partitions": .array(partitions.map(\.json)), "endpoints": .array(endpoints.map(\.json)),
      "groups": .array(groups.map(\.json)),
    ])
  }

  func text(_ groups: [GroupStatus]) -> String {
    let policy = configuration.whenFull == .block ? "publishers wait" : "the oldest is overwritten"
    var lines = [
      "\(name): \(configuration.sentence)",
      "\(configuration.placeSentence); when full, \(policy)",
      state.sentence,
      "",
      "PARTITION         CURSOR         OLDEST       KEPT" + (hasNodes ? "    NODE" : "")
        + "   HELD BY",
    ]
    lines += partitions.map { partition in
      let kept = partition.cursor - min(partition.cursor, partition.gate)
      return "\(partition.partition)".right(9)
        + Numbers.grouped(partition.cursor).right(15) + Numbers.grouped(partition.oldest).right(15)
        + Numbers.grouped(kept).right(11)
        + (hasNodes ? partition.placement.word.right(8) : "") + "   "
        + (partition.holder?.sentence(groups) ?? "nobody")
    }
    lines += partitions.compactMap { partition in
      partition.placement.complaint.map { "Partition \(partition.partition) \($0)." }
    }
    lines += partitions.compactMap(\.storedSentence)
    lines.append("")
    if !groups.isEmpty { lines += Self.table(of: groups) + [""] }
    if endpoints.isEmpty {
      lines.append("Nobody is attached.")
    } else {
      lines.append("ROW  ROLE        PID      STATE    LAG          COMMAND")
      lines += endpoints.map { line(of: $0, groups) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var hasNodes: Bool { configuration.numa != .none }

  private func line(of endpoint: Endpoint, _ groups: [GroupStatus]) -> String {
    let lag = endpoint.role == .subscriber ? Numbers.grouped(lag(of: endpoint, groups)) : "-"
    let place = endpoint.group.map { "\($0): " } ?? ""
    let columns = [
      "\(endpoint.row)".right(3), endpoint.role.rawValue.left(10), "\(endpoint.pid)".left(7),
      endpoint.state.rawValue.left(7), lag.left(11), place + endpoint.command.printable,
    ]
    return columns.joined(separator: "  ")
  }

  /// A line for each; 'shmctl groups' has one for each partition.
  private static func table(of groups: [GroupStatus]) -> [String] {
    let width = max(16, groups.map(\.title.count).max() ?? 0)
    return ["GROUP".left(width) + "   ASSIGNOR     MEMBERS             LAG       AGE"]
      + groups.map { group in
        group.title.left(width) + "   " + group.assignor.left(11)
          + "\(group.members.count)".right(9)
          + Numbers.grouped(group.lag).right(16) + Spans.short(group.lagTime).right(10)
      }
  }

  /// Slots a subscriber has still to read, over all its partitions; a member, those that its group
  /// gave it.
  func lag(of endpoint: Endpoint, _ groups: [GroupStatus]) -> UInt64 {
    if endpoint.group != nil {
      return groups.flatMap(\.partitions).filter { $0.owner?.row == endpoint.row }
        .reduce(0) { $0 &+ $1.lag }
    }
    return partitions.reduce(0) { sum, partition in
      guard let head = endpoint.heads[partition.partition] else { return sum }
      return sum + (partition.cursor - min(partition.cursor, head))
    }
  }
}

extension BusStatus.State {
  fileprivate var json: JSON {
    .fields([
      "folder": folder.map { .string($0) } ?? .null, "checkpointTime": .integer(checkpointTime),
      "checkpointNumber": .integer(checkpointNumber),
      "failure": failure.map { .string($0) } ?? .null, "every": .integer(every),
      "keeper": keeper.map { .integer($0) } ?? .null,
      "uncovered": .array(uncovered.map { .integer($0) }),
    ])
  }

  /// One line, or more where something is wrong.
  fileprivate var sentence: String {
    guard let folder else { return "its state is kept nowhere: it goes with the host's memory" }
    let keeper = keeper.map { "kept by pid \($0)" } ?? "nobody keeps house"
    var text = "state in \(folder), checkpoint \(checkpointNumber), \(keeper)"
    if let failure { text += "\nNOT KEPT: \(failure)" }
    if !uncovered.isEmpty {
      let list = uncovered.map(String.init).joined(separator: ", ")
      text +=
        "\nNOT COVERED: offsets now handed out in partition \(list) could be handed out again "
        + "after a loss of the host's memory"
    }
    return text
  }
}

extension BusStatus.Partition {
  /// What a stored partition has on its disk; nil in shared memory.
  fileprivate var storedSentence: String? {
    guard let durable else { return nil }
    let lost = lost.map {
      "; lost or skipped in the last reboot: from \(Numbers.grouped($0.lowerBound)) to "
        + "\(Numbers.grouped($0.upperBound))"
    }
    return "partition \(partition): durable below \(Numbers.grouped(durable))\(lost ?? "")"
  }

  fileprivate var json: JSON {
    .fields([
      "partition": .integer(partition), "cursor": .integer(cursor), "oldest": .integer(oldest),
      "start": .integer(start), "capacity": .integer(capacity), "gate": .integer(gate),
      "holder": holder?.json ?? .null, "placement": placement.json,
      "durable": durable.map { .integer($0) } ?? .null,
      "lost": lost.map {
        .fields(["from": .integer($0.lowerBound), "to": .integer($0.upperBound)])
      } ?? .null,
    ])
  }
}

extension BusStatus.Endpoint {
  fileprivate var json: JSON {
    .fields([
      "row": .integer(row), "role": .string(role.rawValue), "pid": .integer(pid),
      "state": .string(state.rawValue), "group": group.map { .string($0) } ?? .null,
      "command": .string(command), "node": node.map { .integer($0) } ?? .null,
      "attached": .integer(attached), "heartbeat": .integer(heartbeat),
      "heads": .array(
        heads.sorted { $0.key < $1.key }.map {
          .fields(["partition": .integer($0.key), "head": .integer($0.value)])
        }),
    ])
  }
}

extension BusStatus.Holder {
  fileprivate func sentence(_ groups: [GroupStatus]) -> String {
    if case .group(let row) = self, let group = groups.first(where: { $0.row == row }) {
      return "group \(group.title)"
    }
    return "the \(words.role) in row \(words.row)"
  }

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

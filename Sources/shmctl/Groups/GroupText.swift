import ShmBus
import ToolSupport

/// Groups as text: a line on each, and a table of its partitions.
enum GroupText {
  static func all(_ groups: [GroupStatus], of bus: String) -> String {
    if groups.isEmpty {
      return "Bus '\(bus)' has no groups; 'shmctl subscribe \(bus) --group NAME' makes one.\n"
    }
    return groups.map(text).joined(separator: "\n")
  }

  private static func text(_ group: GroupStatus) -> String {
    var lines = ["\(group.title): \(group.terms)"]
    if !group.partitions.isEmpty {
      lines.append("PARTITION           HEAD       LAG       AGE      LEAD      SPAN  OWNER")
    }
    lines += group.partitions.map { partition in
      "\(partition.partition)".right(9) + Numbers.grouped(partition.head).right(15)
        + Numbers.grouped(partition.lag).right(10) + Spans.short(partition.lagTime).right(10)
        + Numbers.grouped(partition.lead).right(10) + Spans.short(partition.leadTime).right(10)
        + "  " + (partition.owner.map { group.owner($0) } ?? "nobody")
    }
    // Of a broadcast as a whole nobody owns anything.
    let idle = group.partitions.isEmpty ? [] : group.members.filter(\.partitions.isEmpty)
    lines += idle.map { "  idle: " + group.described($0) }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension GroupStatus {
  /// "billing", or "billing/left" for the heads of one member of a broadcast.
  var title: String { member.map { "\(name)/\($0)" } ?? name }

  fileprivate var terms: String {
    let count = members.count == 1 ? "1 member" : "\(members.count) members"
    return "\(mode), \(assignor), \(count), "
      + (holdsPublishers ? "holds publishers" : "holds nobody")
      + ", polls within \(Spans.short(maxPollInterval))"
  }

  fileprivate func owner(_ owner: Owner) -> String {
    members.first { $0.row == owner.row }.map(described) ?? "row \(owner.row), pid \(owner.pid)"
  }

  fileprivate func described(_ member: Member) -> String {
    let name = member.name.map { "\($0), " } ?? ""
    let state = member.state == .alive ? "" : ", \(member.state.rawValue)"
    return "\(name)row \(member.row), pid \(member.pid)\(state)"
  }

  /// The age of the oldest message not done in any partition.
  var lagTime: Duration? { partitions.compactMap(\.lagTime).max() }
}

/// Spans of time in a few characters.
enum Spans {
  /// "-", "850 us", "12 ms", "3.2 s", "12 min", "3 h", "41 d".
  static func short(_ span: Duration?) -> String {
    guard let span else { return "-" }
    let seconds = span.seconds
    let units: [(String, Double)] = [
      ("d", 86_400), ("h", 3600), ("min", 60), ("s", 1), ("ms", 1e-3), ("us", 1e-6),
    ]
    guard let (unit, length) = units.first(where: { seconds >= $0.1 }) else { return "0 s" }
    let value = seconds / length
    return Numbers.decimal(value, places: value < 10 && unit == "s" ? 1 : 0) + " " + unit
  }
}

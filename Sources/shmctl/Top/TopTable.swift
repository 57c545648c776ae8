import ShmBus
import ToolSupport

/// The lines of a frame, one by one, in columns that fit 80 and use what is beyond.
struct TopTable {
  let width: Int

  /// Two lines and a blank one.
  func heading(_ frame: TopFrame, _ view: TopView) -> [StyledLine] {
    var title = StyledLine("shmctl top", .bold)
    title.append("  \(frame.name)", .bold)
    if view.count > 1 { title.append(" (\(view.position) of \(view.count))", .dim) }
    title.append(
      "  \(frame.geometry), \(frame.blocks ? "block" : "overwrite"), up \(Ages.short(frame.age))")
    var totals = StyledLine("\(Self.rate(frame.rate)) slots/s", .cyan)
    totals.append(
      "   "
        + [BusStatus.Endpoint.Role.publisher, .subscriber, .observer].map { role in
          let count = frame.count(role)
          return "\(count) \(role.rawValue)\(count == 1 ? "" : "s")"
        }.joined(separator: ", ") + "   \(Numbers.bytes(frame.bytes))")
    let dead = frame.endpoints.count { $0.state == .dead }
    let stalled = frame.endpoints.count { $0.state == .stalled }
    if dead > 0 { totals.append("   \(dead) dead", .red) }
    if stalled > 0 { totals.append("   \(stalled) stalled", .yellow) }
    return [title, totals, StyledLine()]
  }

  // ------------------------------------------------------------------------------- partitions

  /// Cells of the fill bar: what the other columns leave at 80, and some of what is beyond.
  private var barWidth: Int { max(6, min(30, 10 + (width - 80) / 3)) }

  var partitionHeading: StyledLine {
    StyledLine(
      "PART" + "CURSOR".right(16) + "SLOTS/S".right(9) + "  " + "FILL".left(barWidth + 7)
        + "BEHIND".right(11) + "  HELD BY", .bold)
  }

  func line(_ partition: TopFrame.Partition) -> StyledLine {
    var line = StyledLine("\(partition.number)".right(4))
    line.append(Numbers.grouped(partition.cursor).right(16))
    line.append(Self.rate(partition.rate).right(9), .cyan)
    let fill = Double(partition.kept) / Double(max(1, partition.capacity))
    let full = max(0, min(barWidth, Int((fill * Double(barWidth)).rounded(.up))))
    line.append("  [")
    line.append(String(repeating: "#", count: full), Self.alarm(fill))
    line.append(String(repeating: ".", count: barWidth - full), .dim)
    line.append("]" + "\(Int((fill * 100).rounded()))%".right(5))
    line.append(Numbers.grouped(partition.kept).right(11) + "  ")
    if let holder = partition.holder {
      line.append("\(holder.role) \(holder.group ?? "\(holder.row)")")
      if let process = holder.process, width >= 100 { line.append("  (\(process))", .dim) }
    } else {
      line.append("nobody", .dim)
    }
    return line
  }

  private static func alarm(_ fill: Double) -> Terminal.Style {
    fill < 0.5 ? .green : fill < 0.9 ? .yellow : .red
  }

  // ----------------------------------------------------------------------------------- groups

  /// What the other columns leave at 80, and some of what is beyond.
  private var nameWidth: Int { max(12, min(40, 18 + (width - 80) / 2)) }

  var groupHeading: StyledLine {
    StyledLine(
      "GROUP".left(nameWidth) + "  ASSIGNOR   MEMBERS" + "LAG".right(13) + "AGE".right(8)
        + "LEAD".right(12) + "SLOTS/S".right(9), .bold)
  }

  func line(_ group: TopFrame.Group) -> StyledLine {
    let name = group.name.count > nameWidth ? group.name.prefix(nameWidth - 1) + ">" : group.name
    var line = StyledLine(String(name).left(nameWidth) + "  " + group.assignor.left(11))
    line.append("\(group.members)".right(7), group.unowned > 0 ? .yellow : nil)
    line.append(Numbers.grouped(group.lag).right(13))
    line.append(Spans.short(group.behind).right(8))
    line.append((group.lead.map { Numbers.grouped($0) } ?? "-").right(12))
    line.append(Self.rate(group.rate).right(9), .cyan)
    return line
  }

  // -------------------------------------------------------------------------------- endpoints

  var endpointHeading: StyledLine {
    StyledLine(
      "ROW".right(4) + "  " + "ROLE".left(11) + "PID".right(8) + "  " + "STATE".left(8)
        + "AGE".right(4) + "SILENT".right(8) + "LAG".right(12) + "SLOTS/S".right(9) + "  COMMAND",
      .bold)
  }

  func line(_ endpoint: TopFrame.Endpoint) -> StyledLine {
    let style: Terminal.Style? =
      switch endpoint.state {
      case .alive: nil
      case .stalled: .yellow
      case .dead: .red
      }
    var line = StyledLine("\(endpoint.row)".right(4) + "  " + endpoint.role.rawValue.left(11))
    line.append("\(endpoint.pid)".right(8) + "  ")
    line.append(endpoint.state.rawValue.left(8), style)
    line.append(Ages.short(endpoint.age).right(4))
    line.append(Ages.short(endpoint.silence).right(8))
    line.append((endpoint.lag.map { Numbers.grouped($0) } ?? "-").right(12))
    line.append(
      (endpoint.lag == nil ? "-" : Self.rate(endpoint.rate)).right(9), .cyan)
    line.append("  \(endpoint.group.map { "\($0): " } ?? "")\(endpoint.command)")
    return line
  }

  /// "-" at the first look, when nothing can be compared.
  private static func rate(_ value: Double?) -> String {
    value.map { Numbers.short($0.rounded()) } ?? "-"
  }
}

/// Spans of time in a few characters.
enum Ages {
  /// "0s", "59s", "12m", "3h", "41d".
  static func short(_ nanoseconds: UInt64) -> String {
    let seconds = nanoseconds / 1_000_000_000
    return switch seconds {
    case ..<60: "\(seconds)s"
    case ..<3600: "\(seconds / 60)m"
    case ..<86_400: "\(seconds / 3600)h"
    default: "\(seconds / 86_400)d"
    }
  }
}

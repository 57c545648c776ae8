import ToolSupport

extension FanoutBench.Row {
  fileprivate var state: String { audience.isAsleep ? "asleep" : "drained" }

  /// To one subscriber in the same state.
  fileprivate func ratio(in result: FanoutBench.Result) -> Double {
    let one = result.rows.first { $0.audience.isAsleep == audience.isAsleep } ?? self
    return times.p50 / one.times.p50
  }
}

extension FanoutBench.Result: BenchResult {
  /// What publishing to one costs, of the limit.
  private var ratio: Double? { limit.map { rows[0].times.p50 / $0.value } }

  /// All times are in nanoseconds.
  var json: JSON {
    .fields([
      "limit": limit.map { .number($0.value) } ?? .null,
      "ratio": ratio.map(JSON.number) ?? .null,
      "moved": .bool(limit?.hasMoved ?? false),
      "rows": .array(
        rows.map { row in
          .object(
            [
              JSON.Member("subscribers", .integer(row.audience.subscribers)),
              JSON.Member("groups", .integer(row.audience.groups)),
              JSON.Member("readers", .string(row.state)),
              JSON.Member("ratio", .number(row.ratio(in: self))),
              JSON.Member("wake", row.wakes?.json ?? .null),
            ] + row.times.members)
        }),
    ])
  }

  var text: String {
    let head =
      "SUBSCRIBERS  GROUPS  READERS"
      + Percentiles.names.map { $0.uppercased().right(10) }.joined() + "  OF ONE   TO WAKE\n"
    let lines = rows.map { row in
      "\(row.audience.subscribers)".right(11) + "\(row.audience.groups)".right(8) + "  "
        + row.state.left(7)
        + row.times.printed.map { Numbers.decimal($0, places: 1).right(10) }.joined()
        + Numbers.decimal(row.ratio(in: self), places: 2).right(8)
        + (row.wakes.map { Numbers.grouped(Int($0.p50)) } ?? "-").right(10) + "\n"
    }
    let foot = limit.map {
      "\(Numbers.decimal($0.value, places: 1)) ns is the limit, a bare ring that nobody reads: "
        + "ratio \(Numbers.decimal(ratio ?? 0, places: 2)) of the first row\n" + $0.remark
    }
    return head + lines.joined() + "Nanoseconds for a message, and for the one that wakes.\n"
      + (foot ?? "")
  }

  var chart: Chart {
    let bars = rows.map { row in
      let groups = row.audience.groups > 0 ? ", \(row.audience.groups) groups" : ""
      return Chart.Bar(
        name: "\(row.audience.subscribers)\(groups), \(row.state)", value: row.times.p50,
        isLimit: false)
    }
    let bare = limit.map { [Chart.Bar(name: "a bare ring", value: $0.value, isLimit: true)] } ?? []
    return Chart(
      title: "To publish to so many subscribers", unit: "nanoseconds a message, median",
      content: .bars(bars + bare))
  }
}

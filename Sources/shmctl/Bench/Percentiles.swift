import ToolSupport

/// What is to be known of many measurements, in nanoseconds.
struct Percentiles: Sendable {
  /// Ascending: a time, and the share of all that took no longer.
  let curve: [(nanoseconds: Double, share: Double)]

  /// `unit` turns what was counted into nanoseconds.
  init(_ histogram: Histogram, unit: (UInt64) -> Double = { Double($0) }) {
    let total = Double(histogram.total)
    var below: UInt64 = 0
    curve = histogram.steps.map { step in
      below += step.count
      return (unit(step.value), Double(below) / total)
    }
  }

  /// The time that a share of all do not exceed; 0 where nothing was measured.
  subscript(share: Double) -> Double {
    (curve.first { $0.share > share } ?? curve.last)?.nanoseconds ?? 0
  }

  var p50: Double { self[0.5] }
  var largest: Double { curve.last?.nanoseconds ?? 0 }

  /// Those that are printed.
  static let names = ["p50", "p90", "p99", "p99.9", "max"]
  var printed: [Double] { [p50, self[0.9], self[0.99], self[0.999], largest] }
}

extension Percentiles {
  /// The printed ones as members, by names without a point.
  var members: [JSON.Member] {
    zip(Self.names, printed).map { JSON.Member($0.filter { $0 != "." }, .number($1)) }
  }

  var json: JSON { .object(members) }

  /// A table: each row a name and its percentiles, in nanoseconds.
  static func table(_ rows: [(name: String, times: Percentiles)]) -> String {
    let cells = [("NS", names.map { $0.uppercased() })] + rows.map { ($0.name, $0.times.cells) }
    let name = cells.map(\.0.count).max() ?? 0
    let cell = max(10, 2 + (cells.flatMap(\.1).map(\.count).max() ?? 0))
    return cells.map { row in
      row.0.left(name) + row.1.map { $0.right(cell) }.joined() + "\n"
    }.joined()
  }

  private var cells: [String] {
    printed.map { $0 < 100 ? Numbers.decimal($0, places: 1) : Numbers.grouped(Int($0)) }
  }
}

/// The limit before and after a measurement. Where the two differ by more than a half, the processors
/// moved meanwhile, and the figure between them says little: it is measured again, up to three times.
struct Beside<Limit: Sendable> {
  let before: Limit
  let after: Limit
  /// How often it was measured.
  let attempts: Int
  private let figures: (before: Double, after: Double)

  var value: Double { (figures.before + figures.after) / 2 }
  var hasMoved: Bool { Self.differ(figures.before, figures.after) }

  private static func differ(_ one: Double, _ other: Double) -> Bool {
    max(one, other) > 1.5 * min(one, other)
  }

  /// Nil where the limit cannot be measured. `figure` is what is compared of it.
  static func measure<Value>(
    _ limit: () throws -> Limit?, figure: (Limit) -> Double, _ body: () throws -> Value
  ) throws -> (Value, Beside?) {
    var attempt = 1
    // Ends: after the third.
    while true {
      let before = try limit()
      let value = try body()
      guard let before, let after = try limit() else { return (value, nil) }
      let beside = Beside(
        before: before, after: after, attempts: attempt, figures: (figure(before), figure(after)))
      if !beside.hasMoved || attempt == 3 { return (value, beside) }
      attempt += 1
    }
  }

  /// A line for people, where there is something to say.
  var remark: String {
    hasMoved
      ? "The processors moved during all \(attempts) runs: take no ratio from this one.\n"
      : attempts > 1 ? "The processors moved during a run; this is run \(attempts).\n" : ""
  }
}

extension Beside<Double> {
  static func measure<Value>(
    _ limit: () throws -> Double?, _ body: () throws -> Value
  ) throws -> (Value, Beside?) {
    try measure(limit, figure: { $0 }, body)
  }
}

extension Beside<Percentiles> {
  static func measure<Value>(
    _ limit: () throws -> Percentiles?, _ body: () throws -> Value
  ) throws -> (Value, Beside?) {
    try measure(limit, figure: \.p50, body)
  }
}

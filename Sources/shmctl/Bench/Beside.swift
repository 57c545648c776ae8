/// The limit before and after a measurement. Where the two differ by more than a half, the processors
/// moved meanwhile, and the figure between them says little: it is measured again, up to three times.
struct Beside {
  let before: Double
  let after: Double
  /// How often it was measured.
  let attempts: Int

  var value: Double { (before + after) / 2 }
  var hasMoved: Bool { max(before, after) > 1.5 * min(before, after) }

  /// Nil where the limit cannot be measured.
  static func measure<Value>(
    _ limit: () -> Double?, _ body: () throws -> Value
  ) throws -> (Value, Beside?) {
    var attempt = 1
    // Ends: after the third.
    while true {
      let before = limit()
      let value = try body()
      guard let before, let after = limit() else { return (value, nil) }
      let beside = Beside(before: before, after: after, attempts: attempt)
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

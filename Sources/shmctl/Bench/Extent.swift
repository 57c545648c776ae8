import ToolSupport

/// How long to measure: so many rounds, or so much time.
enum Extent: Sendable {
  case rounds(Int)
  case seconds(Double)

  /// Calls `body` for each round. A round of a time's extent begins before the time is over.
  func repeated(_ body: () throws -> Void) rethrows {
    switch self {
    case .rounds(let count): for _ in 0..<count { try body() }
    case .seconds(let seconds):
      let end = Cycles.monotonic() + UInt64(seconds * 1e9)
      repeat { try body() } while Cycles.monotonic() < end
    }
  }
}

extension Duration {
  /// In seconds, at least 10 ms: less measures nothing.
  var measurable: Double { max(0.01, seconds) }
}

import ToolSupport

extension ThroughputBench.Result {
  var json: JSON {
    .fields([
      "messagesPerSecond": .number(messagesPerSecond),
      "limit": limit.map { .number($0.value) } ?? .null,
      "ratio": ratio.map(JSON.number) ?? .null,
      "roundTripNanoseconds": roundTrip.map(JSON.number) ?? .null,
      "moved": .bool(limit?.hasMoved ?? false),
    ])
  }

  var text: String {
    let rate = "\(Numbers.short(messagesPerSecond)) messages/s"
    guard let limit, let ratio, let roundTrip else {
      return "\(rate); no limit was measured, for that takes two processors\n"
    }
    return """
      \(rate)   \(Numbers.decimal(1e9 / messagesPerSecond, places: 1)) ns each
      \(Numbers.short(limit.value)) messages/s is the limit of a bare ring here: ratio \
      \(Numbers.decimal(ratio, places: 2))
      \(Numbers.decimal(roundTrip, places: 0)) ns for a cache line there and back

      """ + limit.remark
  }
}

extension LatencyBench.Result {
  var json: JSON {
    .object(
      shares.map {
        JSON.Member($0.name.filter { $0 != "." }, .number($0.nanoseconds))
      } + [
        JSON.Member("limit", limit.map { .number($0.value) } ?? .null),
        JSON.Member("moved", .bool(limit?.hasMoved ?? false)),
        JSON.Member("ratio", ratio.map(JSON.number) ?? .null),
      ])
  }

  var text: String {
    let lines = shares.map {
      "\($0.name.left(6))\(Numbers.grouped(Int($0.nanoseconds)).right(12)) ns"
    }
    guard let limit, let ratio else {
      return (lines + ["no limit was measured, for that takes two processors", ""])
        .joined(separator: "\n")
    }
    let beside =
      "\(Numbers.decimal(limit.value, places: 0)) ns is the limit, a cache line there and back: ratio "
      + Numbers.decimal(ratio, places: 2)
    return (lines + [beside, ""]).joined(separator: "\n") + limit.remark
  }
}

extension WakeupBench.Result {
  private var shares: [(name: String, nanoseconds: UInt64)] {
    [
      ("p50", times.p50), ("p99", times[0.99]), ("p99.9", times[0.999]), ("max", times.largest),
    ]
  }

  /// All times are in nanoseconds.
  var json: JSON {
    .object(
      shares.map { JSON.Member($0.name.filter { $0 != "." }, .integer($0.nanoseconds)) } + [
        JSON.Member("limit", .number(limit.value)), JSON.Member("ratio", .number(ratio)),
        JSON.Member("moved", .bool(limit.hasMoved)),
      ])
  }

  var text: String {
    shares.map { "\($0.name.left(6))\(Numbers.grouped($0.nanoseconds).right(12)) ns\n" }.joined()
      + "\(Numbers.decimal(limit.value, places: 0)) ns is the limit, a bare futex: ratio "
      + "\(Numbers.decimal(ratio, places: 2))\n" + limit.remark
  }
}

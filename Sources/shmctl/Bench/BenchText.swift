import ToolSupport

/// What is said where there are not two processors.
private let withoutLimit = "no limit was measured, for that takes two processors\n"

extension ThroughputBench.Result: BenchResult {
  var json: JSON {
    .object(
      [
        JSON.Member("messagesPerSecond", .number(messagesPerSecond)),
        JSON.Member("bytesPerSecond", .number(bytesPerSecond)),
        JSON.Member("limit", limit.map { .number($0.value) } ?? .null),
        JSON.Member("ratio", ratio.map(JSON.number) ?? .null),
        JSON.Member("copyBytesPerSecond", copy.map(JSON.number) ?? .null),
        JSON.Member("roundTripNanoseconds", roundTrip.map(JSON.number) ?? .null),
        JSON.Member("moved", .bool(limit?.hasMoved ?? false)),
      ] + times.members)
  }

  /// What memcpy gives, where it was measured.
  private var copy: Double? {
    guard let limit, let before = limit.before.bytesPerSecond,
      let after = limit.after.bytesPerSecond
    else { return nil }
    return (before + after) / 2
  }

  var text: String {
    let rate =
      "\(Numbers.short(messagesPerSecond)) messages/s   "
      + "\(Numbers.decimal(1e9 / messagesPerSecond, places: 1)) ns each   "
      + "\(Numbers.short(bytesPerSecond))B/s\n"
    let table = Percentiles.table([("to publish one, as the mean of a run", times)])
    guard let limit, let ratio, let roundTrip else { return rate + table + withoutLimit }
    let copying = copy.map {
      "\(Numbers.short($0))B/s is what memcpy gives from one processor to the other: ratio "
        + "\(Numbers.decimal(bytesPerSecond / $0, places: 2))\n"
    }
    return rate
      + "\(Numbers.short(limit.value)) messages/s is the limit of a bare ring here: ratio "
      + "\(Numbers.decimal(ratio, places: 2))\n" + (copying ?? "")
      + "\(Numbers.decimal(roundTrip, places: 0)) ns for a cache line there and back\n" + table
      + limit.remark
  }

  var chart: Chart {
    let bars =
      [Chart.Bar(name: "ShmBus", value: messagesPerSecond, isLimit: false)]
      + (limit.map { [Chart.Bar(name: "a bare ring", value: $0.value, isLimit: true)] } ?? [])
      + (copy.map { [Chart.Bar(name: "memcpy", value: $0 / Double(size), isLimit: true)] } ?? [])
    return Chart(
      title: "From process to process", unit: "messages of \(size) bytes a second",
      content: .bars(bars))
  }
}

extension LatencyBench.Result: BenchResult {
  var json: JSON { times.json(beside: limit) }

  var text: String {
    guard let limit else { return Percentiles.table([("ShmBus", times)]) + withoutLimit }
    return times.text(beside: limit, "a cache line") + "a cache line there and back is the limit: "
      + "ratio \(Numbers.decimal(times.p50 / limit.value, places: 2)) of the medians\n"
      + limit.remark
  }

  var chart: Chart {
    Chart(
      title: "A message of \(size) bytes and its answer",
      unit: "nanoseconds that a share of them does not exceed",
      content: times.curves(beside: limit, "a cache line there and back"))
  }
}

extension WakeupBench.Result: BenchResult {
  /// All times are in nanoseconds.
  var json: JSON { times.json(beside: limit) }

  var text: String {
    times.text(beside: limit, "a bare futex") + "a bare futex is the limit: ratio "
      + "\(Numbers.decimal(ratio, places: 2)) of the medians\n" + limit.remark
  }

  var chart: Chart {
    Chart(
      title: "To a subscriber that sleeps in the kernel",
      unit: "nanoseconds that a share of the wakes does not exceed",
      content: times.curves(beside: limit, "a bare futex"))
  }
}

/// Times beside those of the limit, which were measured before and after.
extension Percentiles {
  fileprivate func json(beside limit: Beside<Percentiles>?) -> JSON {
    .object(
      members + [
        JSON.Member("limit", limit.map { .number($0.value) } ?? .null),
        JSON.Member("ratio", limit.map { .number(p50 / $0.value) } ?? .null),
        JSON.Member("limitBefore", limit?.before.json ?? .null),
        JSON.Member("limitAfter", limit?.after.json ?? .null),
        JSON.Member("moved", .bool(limit?.hasMoved ?? false)),
      ])
  }

  fileprivate func text(beside limit: Beside<Percentiles>, _ name: String) -> String {
    Self.table([
      ("ShmBus", self), ("\(name), before", limit.before), ("\(name), after", limit.after),
    ])
  }

  fileprivate func curves(beside limit: Beside<Percentiles>?, _ name: String) -> Chart.Content {
    .curves(
      [Chart.Curve(name: "ShmBus", times: self, isLimit: false)]
        + (limit.map { [Chart.Curve(name: name, times: $0.after, isLimit: true)] } ?? []))
  }
}

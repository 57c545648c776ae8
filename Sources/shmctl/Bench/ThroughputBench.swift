import Glibc
import ShmBus
import ToolSupport

/// Messages a second from process to process.
struct ThroughputBench {
  let size: Int
  let batch: Int
  let publishers: Int
  let subscribers: Int
  let seconds: Double
  let slots: Int
  let partitions: Int
  /// Whether subscribers read every byte.
  let isWhole: Bool
  /// Where processes run; empty leaves it to the kernel.
  let processors: [Int]

  struct Result {
    let messagesPerSecond: Double
    let size: Int
    /// What a message took to publish, as the mean of each run.
    let times: Percentiles
    let limit: Beside<Limit>?
    let roundTrip: Double?
    var ratio: Double? { limit.map { messagesPerSecond / $0.value } }
    var bytesPerSecond: Double { messagesPerSecond * Double(size) }
  }

  /// What the two processors reach without a bus.
  struct Limit {
    /// Through a bare ring.
    let messagesPerSecond: Double
    /// By memcpy; measured where every byte is read.
    let bytesPerSecond: Double?
  }

  /// The slowest subscriber's rate, or the publishers' where nobody reads, between two measurements of the limit.
  func run() throws -> Result {
    let raw = RawLimit(processors)
    let (found, limit) = try Beside.measure(
      { raw.map(measureLimit) }, figure: \Limit.messagesPerSecond, measure)
    return Result(
      messagesPerSecond: found.rate, size: size, times: found.times, limit: limit,
      roundTrip: raw?.roundTrip(rounds: 100_000).p50)
  }

  private func measureLimit(_ raw: RawLimit) -> Limit {
    let seconds = min(0.25, seconds)
    return Limit(
      messagesPerSecond: raw.messagesPerSecond(size: size, slots: slots, seconds: seconds),
      bytesPerSecond: isWhole
        ? raw.bytesPerSecond(ringBytes: slots * slotSize, seconds: seconds) : nil)
  }

  private var slotSize: Int { min(1 << 20, (size + 63) / 64 * 64) }

  /// The rate alone, without the limit.
  func messagesPerSecond() throws -> Double { try measure().rate }

  private func measure() throws -> (rate: Double, times: Percentiles) {
    let name = "bench-\(getpid())"
    _ = try Bus.create(
      name,
      BusConfiguration(
        partitions: partitions, slots: slots, slotSize: slotSize,
        maxPublishers: max(16, publishers), maxSubscribers: max(16, subscribers), prefault: true,
        stateDirectory: .none),
      keepsHouse: false)
    var children: [Child] = []
    defer {
      for child in children { child.stop() }
      try? Bus.remove(name, force: true)
    }
    // Who never sleeps needs a processor to itself.
    let spin = publishers + subscribers <= processors.count ? ["--spin"] : []
    let drains = try (0..<subscribers).map { index in
      try Child.again(
        [Worker.marker, "drain", name, "--publishers", "\(publishers)"] + place(index)
          + spin + (isWhole ? ["--whole"] : []))
    }
    children += drains
    for drain in drains { _ = try drain.expectLine() }
    let pumps = try (0..<publishers).map { index in
      try Child.again(
        [
          Worker.marker, "pump", name, "--size", "\(size)", "--batch", "\(batch)",
          "--milliseconds", "\(Int(seconds * 1000))", "--partition", "\(index % partitions)",
        ] + place(subscribers + index) + spin)
    }
    children += pumps
    for pump in pumps { _ = try pump.expectLine() }
    for pump in pumps { try pump.send("go") }
    let rates = try drains.map { try Self.rate(of: $0.expectLine()) }
    let times = Histogram()
    let published = try pumps.map { pump in
      let rate = try Self.rate(of: pump.expectLine())
      guard let own = try Histogram(line: pump.expectLine()) else {
        throw Failure(.software, "a publisher that was started for this did not say its times")
      }
      times.add(own)
      return rate
    }
    for child in children { child.wait() }
    let length = Double(PumpWorker.runLength(ofBatches: batch))
    return (
      rates.min() ?? published.reduce(0, +),
      Percentiles(times) { Cycles.nanoseconds($0) / length }
    )
  }

  /// Subscribers and publishers take turns in getting a processor of their own.
  private func place(_ index: Int) -> [String] {
    processors.isEmpty ? [] : ["--processor", "\(processors[index % processors.count])"]
  }

  private static func rate(of line: String) -> Double {
    let numbers = line.split(separator: " ").compactMap { Double($0) }
    return numbers.count == 2 ? numbers[0] / numbers[1] * 1e9 : 0
  }
}

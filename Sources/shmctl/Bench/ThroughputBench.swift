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
    let limit: Beside?
    let roundTrip: Double?
    var ratio: Double? { limit.map { messagesPerSecond / $0.value } }
  }

  /// The slowest subscriber's rate, or the publishers' where nobody reads, between two measurements of the limit.
  func run() throws -> Result {
    let raw = RawLimit(processors)
    let (rate, limit) = try Beside.measure(
      { raw?.messagesPerSecond(size: size, slots: slots, seconds: min(0.25, seconds)) },
      messagesPerSecond)
    return Result(
      messagesPerSecond: rate, limit: limit, roundTrip: raw?.roundTrip(rounds: 100_000))
  }

  /// The rate alone, without the limit.
  func messagesPerSecond() throws -> Double {
    let name = "bench-\(getpid())"
    let slotSize = min(1 << 20, (size + 63) / 64 * 64)
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
    let published = try pumps.map { try Self.rate(of: $0.expectLine()) }
    for child in children { child.wait() }
    return rates.min() ?? published.reduce(0, +)
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

import CShmBus
import Glibc
import ShmBus
import ToolSupport

/// How long it takes to find a place in a ring, by the sparse index and by going through all messages.
struct SeekBench {
  let largest: Int
  let spacing: Int

  struct Row {
    let slots: Int
    /// Nanoseconds, medians.
    let byTime: Double
    let byOffset: Double
    let walk: Double
  }

  func run() throws -> [Row] {
    var rows: [Row] = []
    var slots = 1024
    while slots <= largest {
      rows.append(try measure(slots))
      slots *= 8
    }
    return rows
  }

  private func measure(_ slots: Int) throws -> Row {
    let bus = try Bus.create(
      "bench-\(getpid())-seek",
      BusConfiguration(
        slots: slots, slotSize: 64, whenFull: .overwrite, maxPublishers: 2, maxSubscribers: 2,
        indexSpacing: min(spacing, slots), stateDirectory: .none), keepsHouse: false)
    defer { try? Bus.remove(bus.name, force: true) }
    let publisher = try bus.publisher()
    for number in 0..<(slots + slots / 4) {
      try publisher.publish([])
      if number & 0xffff == 0 { try Interrupted.check() }
    }
    let probe = try SeekProbe(bus, partition: 0)
    var random = SystemRandomNumberGenerator()
    let offsets = (0..<2_000).map { _ in UInt64.random(in: probe.range, using: &random) }
    let times = offsets.compactMap { probe.time(at: $0) }
    let walks = max(3, min(200, 20_000_000 / slots))
    for time in times.prefix(walks)
    where probe.walk(notBefore: time) != probe.place(notBefore: time) {
      throw Failure(.software, "the index leads elsewhere than going through all messages")
    }
    return Row(
      slots: slots, byTime: median(times) { probe.place(notBefore: $0) },
      byOffset: median(offsets) { probe.place(atOrAfter: $0) },
      walk: median(times.prefix(walks)) { probe.walk(notBefore: $0) ?? 0 })
  }

  private func median(_ values: some Collection<UInt64>, _ find: (UInt64) -> UInt64) -> Double {
    var sum: UInt64 = 0
    let cycles = Histogram()
    for value in values {
      let start = shmbus_cycles_ordered()
      sum &+= find(value)
      cycles.add(shmbus_cycles_ordered() &- start)
    }
    // The answers are used, so that they are computed.
    precondition(sum != 1)
    return Percentiles(cycles, unit: Cycles.nanoseconds).p50
  }
}

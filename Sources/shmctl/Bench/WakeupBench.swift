import Arguments
import CShmBus
import Glibc
import ShmBus
import ToolSupport

/// How long a message takes to a subscriber that has gone to sleep, beside a bare futex.
struct WakeupBench {
  let size: Int
  let rounds: Int
  /// Where processes run; empty leaves it to the kernel.
  let processors: [Int]

  struct Result {
    let times: Percentiles
    let limit: Beside
    var ratio: Double { Double(times.p50) / limit.value }
  }

  func run() throws -> Result {
    let (times, limit) = try Beside.measure({ bareFutex() }, { try messages() })
    return Result(times: times, limit: limit!)
  }

  /// The child sleeps at once, and says for each message when it was awake.
  private func messages() throws -> Percentiles {
    let name = "bench-\(getpid())"
    let bus = try Bus.create(
      name,
      BusConfiguration(
        slots: 1024, slotSize: (size + 63) / 64 * 64, maxPublishers: 16, maxSubscribers: 16,
        prefault: true))
    defer { try? Bus.remove(name, force: true) }
    let clock = try Child.again(
      [Worker.marker, "wake", name]
        + (processors.count > 1 ? ["--processor", "\(processors[1])"] : []))
    defer { clock.stop() }
    _ = try clock.expectLine()
    if let own = processors.first { Processors.pin(to: own) }
    let publisher = try bus.publisher()
    let payload = [UInt8](repeating: 7, count: size)
    var times: [UInt64] = []
    for _ in 0..<rounds {
      while !clock.isAsleep { try Interrupted.check() }
      let start = shmbus_cycles()
      try publisher.publish(payload)
      guard let woken = UInt64(try clock.expectLine()) else {
        throw Failure(.software, "a process that was started for this did not say the time")
      }
      times.append(UInt64(Cycles.nanoseconds(woken &- start)))
    }
    return Percentiles(times)
  }

  /// A word, a wait and a wake, between two threads; the median in nanoseconds.
  private func bareFutex() -> Double? {
    let places = processors.count > 1 ? processors : [Processors.allowed[0], Processors.allowed[0]]
    return Double(FutexPair(places).wake(rounds: max(50, rounds / 4)).p50)
  }
}

/// The worker of `bench wakeup`.
enum WakeWorker {
  static let command = Command(
    "wake", summary: "Sleep at once, and say when messages come.", arguments: [Worker.bus],
    options: [Worker.processor]
  ) { parsed in
    Worker.settle(parsed)
    var subscriber = try Bus.open(parsed[Worker.bus]).subscriber(wait: .sleep)
    try Program.print("ready\n")
    // Ends: with a signal.
    while true {
      let isThere = try subscriber.next(timeout: .seconds(10)) != nil
      let time = shmbus_cycles()
      try Interrupted.check()
      if isThere { try Program.print("\(time)\n") }
    }
  }
}

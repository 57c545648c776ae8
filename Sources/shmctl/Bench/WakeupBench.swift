import CShmBus
import Glibc
import ShmBus
import ToolSupport

/// How long a message takes to a subscriber that has gone to sleep, beside a bare futex.
///
/// Both are two processes that do the same around what differs: the waker is busy until the other has been
/// asleep for a while; the sleeper prints the time at which it was awake, and sleeps again.
struct WakeupBench {
  let size: Int
  let extent: Extent
  /// Where processes run; empty leaves it to the kernel.
  let processors: [Int]

  struct Result {
    let times: Percentiles
    let limit: Beside<Percentiles>
    var ratio: Double { times.p50 / limit.value }
  }

  func run() throws -> Result {
    if let own = processors.first { Processors.pin(to: own) }
    let (times, limit) = try Beside.measure({ try bareFutex() }, messages)
    return Result(times: times, limit: limit!)
  }

  private func messages() throws -> Percentiles {
    let name = "bench-\(getpid())"
    let bus = try Bus.create(
      name,
      BusConfiguration(
        slots: 1024, slotSize: (size + 63) / 64 * 64, maxPublishers: 16, maxSubscribers: 16,
        prefault: true, stateDirectory: .none),
      keepsHouse: false)
    defer { try? Bus.remove(name, force: true) }
    let sleeper = try sleeper("wake", name)
    defer { sleeper.stop() }
    let publisher = try bus.publisher()
    let payload = [UInt8](repeating: 7, count: size)
    return try wake(sleeper, extent) { try publisher.publish(payload) }
  }

  /// A word, a wait and a wake: a quarter as often as messages.
  private func bareFutex() throws -> Percentiles {
    let page = try SharedPages.create(byteCount: 4096)
    let sleeper = try sleeper("futex", page.path)
    defer { sleeper.stop() }
    let word = unsafe page.word
    var round: UInt32 = 0
    let extent: Extent =
      switch extent {
      case .rounds(let rounds): .rounds(max(50, rounds / 4))
      case .seconds(let seconds): .seconds(seconds / 4)
      }
    return try wake(sleeper, extent) {
      round &+= 1
      unsafe word.pointee.store(round, ordering: .releasing)
      _ = unsafe shmbus_futex_wake(word, 1)
    }
  }

  private func sleeper(_ worker: String, _ what: String) throws -> Child {
    let place = processors.count > 1 ? ["--processor", "\(processors[1])"] : []
    let child = try Child.again([Worker.marker, worker, what] + place)
    _ = try child.expectLine()
    return child
  }

  /// From before `ring` to after the other's sleep, each time.
  private func wake(
    _ sleeper: Child, _ extent: Extent, _ ring: () throws -> Void
  ) throws -> Percentiles {
    let times = Histogram()
    try extent.repeated {
      // Busy, and long enough for the other's processor to be as idle each time. Ends: with the other
      // asleep, or a signal.
      let settled = Cycles.monotonic() + 300_000
      while Cycles.monotonic() < settled || !sleeper.isAsleep { try Interrupted.check() }
      let start = shmbus_cycles()
      try ring()
      guard let woken = UInt64(try sleeper.expectLine()) else {
        throw Failure(.software, "a process that was started for this did not say the time")
      }
      times.add(woken &- start)
    }
    return Percentiles(times, unit: Cycles.nanoseconds)
  }
}

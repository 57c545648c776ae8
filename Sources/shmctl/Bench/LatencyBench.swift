import CShmBus
import Glibc
import ShmBus
import ToolSupport

/// How long a message and its answer take, between two processes over two buses.
struct LatencyBench {
  let size: Int
  let extent: Extent
  /// Both sides lend the message's memory and leave its payload alone: what size costs by itself.
  let isUntouched: Bool
  /// Where processes run; empty leaves it to the kernel.
  let processors: [Int]

  struct Result {
    let size: Int
    let times: Percentiles
    /// A line there and a line back without any bus.
    let limit: Beside<Percentiles>?
    var ratio: Double? { limit.map { times.p50 / $0.value } }
  }

  func run() throws -> Result {
    let raw = RawLimit(processors)
    let (times, limit) = try Beside.measure({ raw?.roundTrip() }, roundTrips)
    return Result(size: size, times: times, limit: limit)
  }

  private func roundTrips() throws -> Percentiles {
    let there = try temporaryBus("there")
    let back = try temporaryBus("back")
    defer { for bus in [there, back] { try? Bus.remove(bus.name, force: true) } }
    let isAlone = processors.count > 1
    let echo = try Child.again(
      [Worker.marker, "echo", there.name, back.name]
        + (processors.isEmpty ? [] : ["--processor", "\(processors[processors.count - 1])"])
        + (isAlone ? ["--spin"] : []) + (isUntouched ? ["--untouched"] : []))
    _ = try echo.expectLine()
    let extent = extent
    let size = size
    let isUntouched = isUntouched
    let strategy: WaitStrategy = isAlone ? .spin : .balanced
    let measured = Thread.run(on: processors.first ?? Processors.allowed[0]) {
      Swift.Result {
        try Self.measure(there, back, size, isUntouched, extent, strategy)
      }
    }
    let times = try measured.get()
    echo.wait()
    return Percentiles(times, unit: Cycles.nanoseconds)
  }

  private static func measure(
    _ there: Bus, _ back: Bus, _ size: Int, _ isUntouched: Bool, _ extent: Extent,
    _ strategy: WaitStrategy
  ) throws -> Histogram {
    let publisher = try there.publisher(wait: strategy)
    var subscriber = try back.subscriber(wait: strategy)
    var question = Question(byteCount: size)
    func roundTrip() throws -> UInt64 {
      question.change()
      let start = shmbus_cycles()
      if isUntouched {
        try publisher.loan(byteCount: size).publish()
      } else {
        try publisher.publish(question.bytes)
      }
      // Ends: with the answer, or a signal.
      while true {
        if let answer = try subscriber.next(timeout: .milliseconds(200)) {
          guard isUntouched ? answer.bytes.byteCount == size : question.equals(answer.bytes) else {
            throw Failure(.software, "the answer is not the question")
          }
          return shmbus_cycles() &- start
        }
        try Interrupted.check()
      }
    }
    // Once around both rings, untimed.
    for _ in 0..<4096 { _ = try roundTrip() }
    let times = Histogram()
    try extent.repeated { times.add(try roundTrip()) }
    try publisher.publish([])
    return times
  }

  private func temporaryBus(_ part: String) throws -> Bus {
    try Bus.create(
      "bench-\(getpid())-\(part)",
      BusConfiguration(
        slots: size > 4096 ? 64 : 1024, slotSize: min(1 << 20, (size + 63) / 64 * 64),
        maxPublishers: 16,
        maxSubscribers: 16, prefault: true, stateDirectory: .none),
      keepsHouse: false)
  }
}

/// A payload that is another one in each round: an old answer is none to it.
private struct Question {
  private var payload: [UInt8]

  init(byteCount: Int) { payload = [UInt8](repeating: 7, count: byteCount) }

  mutating func change() {
    guard payload.count >= 8 else { return }
    unsafe payload.withUnsafeMutableBytes { bytes in
      unsafe bytes.storeBytes(of: bytes.load(as: UInt64.self) &+ 1, as: UInt64.self)
    }
  }

  var bytes: RawSpan {
    @_lifetime(borrow self) get { unsafe payload.span.bytes }
  }

  /// Looks at every byte.
  func equals(_ answer: RawSpan) -> Bool {
    unsafe answer.withUnsafeBytes { found in
      unsafe payload.withUnsafeBytes { asked in
        guard found.count == asked.count else { return false }
        guard let base = found.baseAddress, let from = asked.baseAddress else {
          return true
        }
        return unsafe memcmp(base, from, asked.count) == 0
      }
    }
  }
}

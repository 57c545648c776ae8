import CShmBus
import Glibc
import ShmBus
import ToolSupport

/// What publishing costs with ever more subscribers and groups attached.
///
/// What is timed is the publisher alone, in runs: readers either are attached in this process and read between
/// the runs, or are processes that sleep in the kernel until the first message of a run wakes them all.
struct FanoutBench {
  let size: Int
  /// The most subscribers.
  let subscribers: Int
  let seconds: Double
  /// Where to run; empty leaves it to the kernel.
  let processors: [Int]

  struct Result {
    /// The first is one subscriber, drained.
    let rows: [Row]
    /// A message into a bare ring without any reader, in nanoseconds.
    let limit: Beside<Double>?
  }

  /// Who is attached.
  struct Audience {
    let subscribers: Int
    let groups: Int
    let isAsleep: Bool
  }

  struct Row {
    let audience: Audience
    /// A message, as the mean of each run.
    let times: Percentiles
    /// The first message of each run, where that one wakes sleepers.
    let wakes: Percentiles?
  }

  private static let runLength = 512
  private static let slots = 4 * runLength

  private var audiences: [Audience] {
    let counts = [1, 4, 16, 64].filter { $0 < subscribers } + [subscribers]
    return counts.map { Audience(subscribers: $0, groups: 0, isAsleep: false) }
      + [8, 32].map { Audience(subscribers: 1, groups: $0, isAsleep: false) }
      + counts.map { Audience(subscribers: $0, groups: 0, isAsleep: true) }
  }

  func run() throws -> Result {
    if let place = processors.first { Processors.pin(to: place) }
    let (rows, limit) = try Beside.measure(
      { RawLimit.nanosecondsToWrite(size: size, slots: Self.slots) },
      { try audiences.map(row) })
    return Result(rows: rows, limit: limit)
  }

  private func row(_ audience: Audience) throws -> Row {
    let bus = try Bus.create(
      "bench-\(getpid())",
      BusConfiguration(
        slots: Self.slots, slotSize: (size + 63) / 64 * 64, maxPublishers: 16,
        maxSubscribers: 128, maxGroups: 32, prefault: true))
    defer { try? Bus.remove(bus.name, force: true) }
    var readers: any Readers =
      audience.isAsleep
      ? try SleepingReaders(bus, audience, processors) : try DrainedReaders(bus, audience)
    return try measure(bus, audience, &readers)
  }

  private func measure(
    _ bus: Bus, _ audience: Audience, _ readers: inout any Readers
  ) throws -> Row {
    let publisher = try bus.publisher()
    let payload = [UInt8](repeating: 7, count: size)
    let (wakes, rests) = (Histogram(), Histogram())
    func publish(_ count: Int) throws -> UInt64 {
      let start = shmbus_cycles()
      for _ in 0..<count { try publisher.publish(payload) }
      return shmbus_cycles() &- start
    }
    // Once untimed: memory and code are touched for the first time.
    _ = try publish(Self.runLength)
    try readers.rest(after: Self.runLength)
    try Extent.seconds(seconds / Double(audiences.count)).repeated {
      wakes.add(try publish(1))
      rests.add(try publish(Self.runLength - 1))
      try readers.rest(after: Self.runLength)
      try Interrupted.check()
    }
    let times = Percentiles(rests) { Cycles.nanoseconds($0) / Double(Self.runLength - 1) }
    return Row(
      audience: audience, times: times,
      wakes: audience.isAsleep ? Percentiles(wakes, unit: Cycles.nanoseconds) : nil)
  }
}

/// Those a message goes to.
protocol Readers {
  /// Returns once all have read so many messages more and wait for others.
  mutating func rest(after count: Int) throws
}

/// Subscribers of this process that read in turn; they are noncopyable, and so each lies in a box.
struct DrainedReaders: Readers {
  private final class Seat {
    private var subscriber: Subscriber?
    init(_ subscriber: consuming Subscriber) { self.subscriber = consume subscriber }

    /// Takes the subscriber out meanwhile: a message may not depend on a class's variable.
    func drain(_ count: Int) throws {
      guard var own = subscriber.take() else { return }
      for _ in 0..<count {
        guard var message = try own.next(timeout: .seconds(10)) else {
          throw Failure(.software, "a message did not come")
        }
        try message.commit()
      }
      subscriber = consume own
    }
  }

  private var seats: [Seat] = []

  init(_ bus: Bus, _ audience: FanoutBench.Audience) throws {
    for _ in 0..<audience.subscribers { seats.append(Seat(try bus.subscriber())) }
    for index in 0..<audience.groups {
      seats.append(Seat(try bus.subscriber(.group("group-\(index)"))))
    }
  }

  func rest(after count: Int) throws {
    for seat in seats { try seat.drain(count) }
  }
}

/// Processes that sleep between the runs.
private struct SleepingReaders: Readers {
  private let children: [Child]

  init(_ bus: Bus, _ audience: FanoutBench.Audience, _ processors: [Int]) throws {
    let place = processors.count > 1 ? ["--processor", "\(processors[1])"] : []
    children = try (0..<audience.subscribers).map { _ in
      try Child.again([Worker.marker, "wake", bus.name, "--silent"] + place)
    }
    for child in children { _ = try child.expectLine() }
  }

  func rest(after count: Int) throws {
    // Ends: each is asleep once it has read everything; or with a signal.
    while !children.allSatisfy(\.isAsleep) { try Interrupted.check() }
  }
}

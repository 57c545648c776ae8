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
      { RawLimit.nanosecondsToWrite(size: size, slots: Self.slots) }, rows)
    return Result(rows: rows, limit: limit)
  }

  /// All take turns, so that all see the same host.
  private func rows() throws -> [Row] {
    let scenes = try audiences.enumerated().map { index, audience in
      try Scene(index, audience, size: size, processors)
    }
    // Once untimed: memory and code are touched for the first time.
    for scene in scenes { try scene.turn(isTimed: false) }
    try Extent.seconds(seconds).repeated {
      for scene in scenes { try scene.turn(isTimed: true) }
    }
    return scenes.map(\.row)
  }

  /// One audience with a bus of its own.
  private final class Scene {
    private let audience: Audience
    private let bus: Bus
    private let publisher: Publisher
    private let readers: any Readers
    private let payload: [UInt8]
    private let wakes = Histogram()
    private let rests = Histogram()

    init(_ index: Int, _ audience: Audience, size: Int, _ processors: [Int]) throws {
      self.audience = audience
      payload = [UInt8](repeating: 7, count: size)
      let bus = try Bus.create(
        "bench-\(getpid())-\(index)",
        BusConfiguration(
          slots: FanoutBench.slots, slotSize: (size + 63) / 64 * 64, maxPublishers: 16,
          maxSubscribers: 128, maxGroups: 32, prefault: true, stateDirectory: .none),
        keepsHouse: false)
      do {
        readers =
          audience.isAsleep
          ? try SleepingReaders(bus, audience, processors) : try DrainedReaders(bus, audience)
        publisher = try bus.publisher()
      } catch {
        try? Bus.remove(bus.name, force: true)
        throw error
      }
      self.bus = bus
    }

    // The readers' processes first: they would say that the bus is gone.
    deinit {
      readers.stop()
      try? Bus.remove(bus.name, force: true)
    }

    /// A run of messages, and then all read them.
    func turn(isTimed: Bool) throws {
      let wake = try publish(1)
      let rest = try publish(FanoutBench.runLength - 1)
      if isTimed {
        wakes.add(wake)
        rests.add(rest)
      }
      try readers.rest(after: FanoutBench.runLength)
      try Interrupted.check()
    }

    private func publish(_ count: Int) throws -> UInt64 {
      let start = shmbus_cycles()
      for _ in 0..<count { try publisher.publish(payload) }
      return shmbus_cycles() &- start
    }

    var row: Row {
      Row(
        audience: audience,
        times: Percentiles(rests) {
          Cycles.nanoseconds($0) / Double(FanoutBench.runLength - 1)
        },
        wakes: audience.isAsleep ? Percentiles(wakes, unit: Cycles.nanoseconds) : nil)
    }
  }
}

/// Those a message goes to.
protocol Readers {
  /// Returns once all have read so many messages more and wait for others.
  func rest(after count: Int) throws
  /// Ends what only reads.
  func stop()
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

  func stop() {}
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

  func stop() { for child in children { child.stop() } }
}

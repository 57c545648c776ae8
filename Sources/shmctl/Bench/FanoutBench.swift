import CShmBus
import Glibc
import ShmBus
import ToolSupport

/// What publishing costs with ever more subscribers and groups attached.
///
/// All are attached in this process and read between the timed runs: what is timed is the publisher alone,
/// and no reader competes with it for a processor.
struct FanoutBench {
  let size: Int
  let seconds: Double
  /// Where to run; empty leaves it to the kernel.
  let processors: [Int]

  struct Row {
    let subscribers: Int
    let groups: Int
    /// A message, in nanoseconds; the median of the runs.
    let nanoseconds: Double
  }

  static let audiences = [(1, 0), (4, 0), (16, 0), (64, 0), (1, 8), (1, 32)]

  private static let runLength = 512

  func run() throws -> [Row] {
    let body: @Sendable () -> Result<[Row], any Error> = { Result { try rows() } }
    guard let place = processors.first else { return try body().get() }
    return try Thread.run(on: place, body).get()
  }

  private func rows() throws -> [Row] {
    let name = "bench-\(getpid())"
    return try Self.audiences.map { subscribers, groups in
      let bus = try Bus.create(
        name,
        BusConfiguration(
          slots: 4 * Self.runLength, slotSize: (size + 63) / 64 * 64, maxPublishers: 16,
          maxSubscribers: 128, maxGroups: 32, prefault: true))
      defer { try? Bus.remove(name, force: true) }
      return Row(
        subscribers: subscribers, groups: groups,
        nanoseconds: try cost(bus, subscribers: subscribers, groups: groups))
    }
  }

  private func cost(_ bus: Bus, subscribers: Int, groups: Int) throws -> Double {
    var audience = Audience()
    for _ in 0..<subscribers { try audience.attach(bus.subscriber()) }
    for index in 0..<groups { try audience.attach(bus.subscriber(.group("group-\(index)"))) }
    let publisher = try bus.publisher()
    let payload = [UInt8](repeating: 7, count: size)
    let length = Cycles.count(in: seconds / Double(Self.audiences.count))
    // Once untimed: memory and code are touched for the first time.
    for _ in 0..<Self.runLength { try publisher.publish(payload) }
    try audience.drain(Self.runLength)
    let end = shmbus_cycles() &+ length
    var times: [UInt64] = []
    repeat {
      let start = shmbus_cycles()
      for _ in 0..<Self.runLength { try publisher.publish(payload) }
      times.append(shmbus_cycles() &- start)
      try audience.drain(Self.runLength)
      try Interrupted.check()
    } while shmbus_cycles() < end
    return Cycles.nanoseconds(Percentiles(times).p50) / Double(Self.runLength)
  }
}

/// Subscribers that read in turn; they are noncopyable, and so each lies in a box.
private struct Audience {
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

  mutating func attach(_ subscriber: consuming Subscriber) { seats.append(Seat(subscriber)) }

  /// Each reads as many messages, and commits them.
  func drain(_ count: Int) throws {
    for seat in seats { try seat.drain(count) }
  }
}

extension FanoutBench.Row {
  func ratio(to first: Self) -> Double { nanoseconds / first.nanoseconds }
}

extension [FanoutBench.Row] {
  /// The limit is the first row: publishing to one.
  var json: JSON {
    .fields([
      "limit": .number(self[0].nanoseconds),
      "rows": .array(
        map {
          .fields([
            "subscribers": .integer($0.subscribers), "groups": .integer($0.groups),
            "nanoseconds": .number($0.nanoseconds), "ratio": .number($0.ratio(to: self[0])),
          ])
        }),
    ])
  }

  var text: String {
    let lines = map {
      "\($0.subscribers)".right(11) + "\($0.groups)".right(8)
        + Numbers.decimal($0.nanoseconds, places: 1).right(12)
        + Numbers.decimal($0.ratio(to: self[0]), places: 2).right(8) + "\n"
    }
    return "SUBSCRIBERS  GROUPS  NS/PUBLISH   RATIO\n" + lines.joined()
  }
}

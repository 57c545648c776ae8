import Arguments
import ShmBus
import ToolSupport

/// Does one thing a number of times, in one process, for `scripts/instruction-counts`.
///
/// Each has a function of its own, which is never inlined: its instructions are what is counted.
enum CountWorker {
  private enum Work: String, CaseIterable, Sendable {
    case publish
    case batch
    case read
    case commit
    case commitLater
  }

  private static let work = Argument("WORK", .choice(Work.self), help: "What to do.")
  private static let messages = Option(
    "messages", .integer(16...(1 << 20)), default: 4096, help: "How many, a multiple of 16.")

  private static let subscribers = Option(
    "subscribers", .integer(0...100), default: 0, help: "How many more are attached.")
  private static let groups = Option(
    "groups", .integer(0...32), default: 0, help: "How many more are there.")

  static let command = Command(
    "count", summary: "Do one thing a number of times.", arguments: [Worker.bus, work],
    options: [messages, subscribers, groups]
  ) { parsed in
    let bus = try Bus.open(parsed[Worker.bus], keepsHouse: false)
    let audience = try DrainedReaders(
      bus,
      FanoutBench.Audience(
        subscribers: parsed[subscribers], groups: parsed[groups], isAsleep: false))
    defer { withExtendedLifetime(audience) {} }
    let count = parsed[messages]
    let payload = [UInt8](repeating: 7, count: 64)
    let publisher = try bus.publisher()
    switch parsed[work] {
    case .publish: try publish(publisher, payload, count)
    case .batch: try batch(publisher, payload, count)
    case .read:
      var subscriber = try bus.subscriber()
      try publish(publisher, payload, count)
      try read(&subscriber, count)
    case .commit:
      var subscriber = try bus.subscriber(.group("count"))
      try publish(publisher, payload, count)
      try commit(&subscriber, count)
    case .commitLater:
      var subscriber = try bus.subscriber(.group("count"))
      try publish(publisher, payload, count)
      try commitLater(&subscriber, count)
    }
    return 0
  }

  @inline(never)
  private static func publish(
    _ publisher: borrowing Publisher, _ payload: [UInt8], _ count: Int
  ) throws {
    let bytes = unsafe payload.span.bytes
    for _ in 0..<count { try publisher.publish(bytes) }
  }

  @inline(never)
  private static func batch(
    _ publisher: borrowing Publisher, _ payload: [UInt8], _ count: Int
  ) throws {
    let bytes = unsafe payload.span.bytes
    for _ in 0..<(count / 16) {
      var batch = try publisher.batch(slots: 16)
      for _ in 0..<16 { _ = batch.append(bytes) }
      try batch.publish()
    }
  }

  @inline(never)
  private static func read(_ subscriber: inout Subscriber, _ count: Int) throws {
    try readAll(&subscriber, count) { _ in }
  }

  @inline(never)
  private static func commit(_ subscriber: inout Subscriber, _ count: Int) throws {
    try readAll(&subscriber, count) { try $0.commit() }
  }

  @inline(never)
  private static func commitLater(_ subscriber: inout Subscriber, _ count: Int) throws {
    try readAll(&subscriber, count) { $0.commitLater() }
  }

  /// The loop of each that reads, and what it does with a message: a copy of its own in each.
  @inline(__always)
  private static func readAll(
    _ subscriber: inout Subscriber, _ count: Int, _ finish: (inout Message) throws -> Void
  ) throws {
    var sum = 0
    for _ in 0..<count {
      guard var message = try subscriber.next(timeout: .seconds(10)) else { break }
      sum &+= message.bytes.byteCount
      try finish(&message)
    }
    guard sum == 64 * count else {
      throw Failure(.software, "what was read is not what was published")
    }
  }
}

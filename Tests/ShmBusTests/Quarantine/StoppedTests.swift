import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// A real publisher is stopped inside its claim, by the kernel, for as long as it takes.
@Suite(.serialized) struct StoppedTests {
  static let modes: [BusConfiguration.WhenFull] = [.block, .overwrite]

  @Test(arguments: modes)
  func aStoppedPublisherDelaysAndDamagesNobody(_ mode: BusConfiguration.WhenFull) throws {
    try withBus(impatient(mode)) { bus in
      var subscriber = try bus.subscriber(from: .earliest)
      var observer = try bus.observer(from: .earliest)
      let holder = try Holder(bus, "loans", 1, bytes: 150)
      holder.stop()
      var stream = try bus.stream()
      let slots = Set((0..<3).map { (holder.loans[0] + $0) & 63 })
      try stream.publish()
      let start = monotonicNanoseconds()
      try stream.check(&subscriber, keep: true)
      #expect(monotonicNanoseconds() - start >= 200_000_000, "it was not given its time")
      try stream.check(&observer)
      stream.used = []
      try stream.lap(3, &subscriber, &observer)
      #expect(stream.used.isDisjoint(with: slots), "slots out of use were given to somebody")
      #expect(bus.quarantined.isStamped)

      holder.goOn()
      #expect(try holder.verdicts() == ["fenced \(holder.loans[0])"])
      try expectWhole(bus)
      stream.used = []
      try stream.lap(3, &subscriber, &observer)
      #expect(slots.isSubset(of: stream.used), "its slots never came back into use")
      #expect(bus.quarantined == (0, false))

      holder.actor.tell("more")
      #expect(try holder.actor.line()?.hasPrefix("published") == true)
      #expect(try subscriber.copy()?.payload == Pattern.bytes(9, 0, count: 40))
    }
  }

  @Test(arguments: modes)
  func aPublisherKilledWhileQuarantinedGivesItsSlotsBack(
    _ mode: BusConfiguration.WhenFull
  ) throws {
    try withBus(impatient(mode)) { bus in
      var subscriber = try bus.subscriber(from: .earliest)
      var observer = try bus.observer(from: .earliest)
      let holder = try Holder(bus, "loans", 3, bytes: 70)
      holder.stop()
      var stream = try bus.stream()
      try stream.lap(2, &subscriber, &observer)
      let slots = Set(holder.loans.flatMap { [$0 & 63, ($0 + 1) & 63] })
      holder.kill()
      stream.used = []
      // One lap in which its death is noticed, one in which they still count as passed, one with them.
      try stream.lap(4, &subscriber, &observer)
      #expect(slots.isSubset(of: stream.used))
      #expect(bus.quarantined == (0, false))
    }
  }

  @Test func severalLoansAreTakenOutOfUseInTurn() throws {
    try withBus(impatient()) { bus in
      var subscriber = try bus.subscriber(from: .earliest)
      var observer = try bus.observer(from: .earliest)
      let holder = try Holder(bus, "loans", 10, bytes: 40)
      holder.stop()
      var stream = try bus.stream()
      try stream.publish()
      let start = monotonicNanoseconds()
      try stream.check(&subscriber, keep: true)
      #expect(monotonicNanoseconds() - start < 2_000_000_000, "each of ten was waited for anew")
      try stream.check(&observer)
      try stream.lap(3, &subscriber, &observer)
      holder.goOn()
      #expect(try holder.verdicts() == holder.loans.reversed().map { "fenced \($0)" })
      try expectWhole(bus)
      try stream.lap(3, &subscriber, &observer)
      #expect(bus.quarantined == (0, false))
    }
  }

  /// Nobody begins inside a batch that was fenced, though its owner stored all of it, late.
  @Test func theInsideOfAFencedBatchIsNotRead() throws {
    try withBus(impatient()) { bus in
      var subscriber = try bus.subscriber(from: .earliest)
      let holder = try Holder(bus, "batch", 6, bytes: 40)
      holder.stop()
      var stream = try bus.stream()
      try stream.publish(count: 30)
      try stream.check(&subscriber, keep: true)
      holder.goOn()
      #expect(try holder.verdicts() == ["fenced 0"])
      for offset in 0..<7 {
        var late = try bus.observer(from: .offset(Offset(offset)))
        try stream.check(&late, keep: true)
      }
    }
  }

  @Test func aCopyStoppedInsideIsFencedOrDelivered() throws {
    let big = 1 << 22
    let configuration = impatient(slots: 64, slotSize: 1 << 20, timeout: .milliseconds(40))
    try withBus(configuration) { bus in
      var subscribers = Readers(try bus.subscriber(), try bus.subscriber())
      let holder = try Holder(bus, "copies", 150, bytes: big)
      var seed = Seed(7)
      // Ends: each copy is fenced or arrives.
      let deadline = monotonicNanoseconds() + 60_000_000_000
      while try !holder.isDone(), monotonicNanoseconds() < deadline {
        let stopped = monotonicNanoseconds() + 90_000_000
        holder.stop()
        while monotonicNanoseconds() < stopped { try subscribers.read(.milliseconds(5)) }
        holder.actor.kill(SIGCONT)
        let going = monotonicNanoseconds() + UInt64.random(in: 0...4_000_000, using: &seed)
        while monotonicNanoseconds() < going { try subscribers.read(.zero) }
      }
      let verdicts = try holder.verdicts()
      while try subscribers.read(.milliseconds(200)) {}
      let published = verdicts.filter { $0.hasPrefix("published") }.map { $0.dropFirst(10) }
      #expect(verdicts.count == 150)
      #expect(verdicts.contains { $0.hasPrefix("fenced") }, "never stopped inside")
      #expect(subscribers.first.map(String.init) == published.map(String.init))
      #expect(subscribers.second == subscribers.first)
    }
  }

  /// Every message that is still in the ring is whole, and none is the stopped publisher's.
  private func expectWhole(_ bus: Bus) throws {
    var late = try bus.observer(from: .earliest)
    let messages = try late.ready()
    #expect(!messages.isEmpty)
    for message in messages {
      #expect(unsafe Pattern.isWhole(message.payload.span.bytes))
      #expect(unsafe Pattern.name(of: message.payload.span.bytes)?.publisher == 1)
    }
  }
}

/// Two readers, and the numbers of the copies they were given.
struct Readers: ~Copyable {
  private var one: Subscriber
  private var two: Subscriber
  private(set) var first: [UInt64] = []
  private(set) var second: [UInt64] = []

  init(_ one: consuming Subscriber, _ two: consuming Subscriber) {
    self.one = one
    self.two = two
  }

  @discardableResult
  mutating func read(_ timeout: Duration) throws -> Bool {
    let one = try Self.number(&one, timeout)
    if let one { first.append(one) }
    let two = try Self.number(&two, timeout)
    if let two { second.append(two) }
    return one != nil || two != nil
  }

  /// The number that every word of the message repeats.
  private static func number(_ subscriber: inout Subscriber, _ timeout: Duration) throws -> UInt64?
  {
    guard let message = try subscriber.next(timeout: timeout) else { return nil }
    return unsafe message.bytes.withUnsafeBytes { bytes in
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes.dropFirst(8))
      #expect(unsafe memcmp(bytes.baseAddress!, rest.baseAddress!, rest.count) == 0, "torn")
      return unsafe bytes.load(as: UInt64.self)
    }
  }
}

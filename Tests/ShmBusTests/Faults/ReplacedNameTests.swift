import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// Names that somebody deletes by hand, or gives to another bus, while the old one is in use.
@Suite struct ReplacedNameTests {
  static let configuration = BusConfiguration(slots: 64, slotSize: 64)

  /// A process that waits for a message, another one that waits for room.
  @Test(arguments: [false, true])
  func whoUsesABusIsToldThatItsNameIsGone(isReplaced: Bool) throws {
    try withBus(Self.configuration, "deleted") { bus in
      let reader = try Actor(["subscribe", "bus=\(bus.name)"])
      #expect(try reader.line() == "ready")
      let publisher = try bus.publisher()
      try publisher.publish(Pattern.bytes(1, 1, count: 16))
      #expect(try reader.line() == "0 0 16 1 1 whole")
      #expect(!bus.isRemoved)
      TestSpace.clear(bus.name)
      let next = isReplaced ? try Bus.create(bus.name, Self.configuration) : nil
      #expect(try reader.rest() == ["removed"])
      #expect(reader.wait() == 0)
      #expect(bus.isRemoved)
      // Whoever notices tells the others: a publisher within a lap.
      #expect(publishError { for _ in 0..<129 { try publisher.publish("x") } } == .removed)
      for error in [busError { _ = try bus.publisher() }, busError { _ = try bus.subscriber() }] {
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("has been removed") == true)
      }
      #expect(next?.isRemoved != true)
    }
  }

  /// The old users keep the old bus to its end; whoever comes now gets the new one.
  @Test func aNewBusOfTheSameNameIsAnother() throws {
    try withBus(Self.configuration, "replaced") { old in
      let oldPublisher = try old.publisher()
      var oldSubscriber = try old.subscriber()
      try oldPublisher.publish("old")
      TestSpace.clear(old.name)
      try withBus(Self.configuration) { _ in }
      let new = try Bus.create(old.name, Self.configuration)
      #expect(new.generation != old.generation)
      let publisher = try Bus.open(old.name).publisher()
      var subscriber = try new.subscriber(from: .earliest)
      try publisher.publish("new")
      #expect(try subscriber.text() == "new")
      #expect(try oldSubscriber.text() == "old")
      #expect(subscribeError { _ = try oldSubscriber.copy() } == .removed)
      #expect(try subscriber.copy(within: .milliseconds(1)) == nil)
    }
  }

  /// A publisher that is held, with nobody else to notice.
  @Test func aHeldPublisherFindsOutByItself() throws {
    try withBus(Self.configuration, "held") { bus in
      let subscriber = try bus.subscriber()
      let publisher = try bus.publisher(wait: .sleep)
      for _ in 0..<64 { try publisher.publish("x") }
      TestSpace.clear(bus.name)
      #expect(publishError { try publisher.publish("x", timeout: patience) } == .removed)
      _ = consume subscriber
    }
  }
}

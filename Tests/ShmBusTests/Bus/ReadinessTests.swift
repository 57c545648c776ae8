import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// Waiting for several subscribers at once, and by a descriptor.
@Suite struct ReadinessTests {
  private static let small = BusConfiguration(slots: 64, slotSize: 64)

  @Test func aSetSaysWhoIsReady() throws {
    try withBus(Self.small, "one") { one in
      try withBus(Self.small, "two") { two in
        var first = try one.subscriber()
        var second = try two.subscriber(.group("g"))
        var set = SubscriberSet()
        let places = (set.add(first), set.add(second))
        // A member that was not given its partitions yet has a change to tell.
        #expect(set.wait(timeout: .zero) == [places.1])
        try holds(second.ready().isEmpty)
        #expect(set.wait(timeout: .zero) == [])
        let publisher = try one.publisher()
        let other = try two.publisher()
        try publisher.publish("a")
        #expect(set.wait(timeout: patience) == [places.0])
        try other.publish("b")
        #expect(set.wait(timeout: patience) == [places.0, places.1])
        try holds(first.text() == "a")
        #expect(set.wait(timeout: patience) == [places.1])
        try holds(second.text() == "b")
        set.remove(places.1)
        try other.publish("c")
        #expect(set.wait(timeout: .zero) == [])
      }
    }
  }

  @Test func aSleepingSetIsWokenByAnyOfItsBuses() throws {
    try withBus(Self.small, "one") { one in
      try withBus(Self.small, "two") { two in
        let first = try one.subscriber()
        let second = try two.subscriber()
        var set = SubscriberSet(wait: .sleep)
        _ = set.add(first)
        let place = set.add(second)
        let row = second.core.row
        let late = Thread {
          _ = eventually { two.map.endpoint(row).asleep.loadAcquire() != 0 }
          guard let publisher = try? two.publisher() else { return }
          _ = try? publisher.publish("wake")
        }
        #expect(set.wait(timeout: patience) == [place])
        late.join()
        #expect(two.map.endpoint(row).asleep.loadAcquire() == 0)
      }
    }
  }

  @Test func anEmptySetWaitsForNothing() {
    var set = SubscriberSet()
    #expect(set.wait(timeout: .milliseconds(2)) == [])
  }

  private func isReadable(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&poller, 1, milliseconds) == 1
  }

  @Test func aDescriptorBecomesReadable() throws {
    try withBus(Self.small) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      let ready = try subscriber.readyDescriptor()
      for round in 0..<20 {
        ready.arm()
        if round % 2 == 0 { #expect(!isReadable(ready.fileDescriptor, within: 0)) }
        try publisher.publish("\(round)")
        #expect(isReadable(ready.fileDescriptor, within: 20_000))
        ready.disarm()
        #expect(!isReadable(ready.fileDescriptor, within: 0))
        try holds(subscriber.text() == "\(round)")
      }
      ready.arm()
      ready.disarm()
      try publisher.publish("after")
      try holds(subscriber.text() == "after")
      // What lies there already is told at once.
      try publisher.publish("more")
      ready.arm()
      #expect(isReadable(ready.fileDescriptor, within: 20_000))
    }
  }

  /// What the other thread met is told to whoever asks next.
  @Test func aGapMetMeanwhileIsTold() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, whenFull: .overwrite)) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber(from: .earliest)
      for number in 0..<200 { try publisher.publish("\(number)") }
      let ready = try subscriber.readyDescriptor()
      ready.arm()
      #expect(isReadable(ready.fileDescriptor, within: 20_000))
      ready.disarm()
      guard case .gap(let gap) = subscribeError({ _ = try subscriber.copy() }) else {
        Issue.record("no gap")
        return
      }
      #expect(gap.from == 0)
      try holds(subscriber.text() == "\(gap.to)")
    }
  }

  @Test func askingAnArmedSubscriberTraps() async {
    await #expect(processExitsWith: .failure) {
      try withBus(Self.small) { bus in
        var subscriber = try bus.subscriber()
        let ready = try subscriber.readyDescriptor()
        ready.arm()
        _ = try subscriber.copy(within: .zero)
      }
    }
  }
}

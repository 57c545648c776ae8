import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// What a subscriber refused, or nil.
func subscribeError(_ body: () throws -> Void) -> SubscribeError? {
  do {
    try body()
    return nil
  } catch { return error as? SubscribeError }
}

@Suite struct SubscribeTests {
  @Test(arguments: [BusConfiguration.WhenFull.block, .overwrite])
  func whereItBegins(whenFull: BusConfiguration.WhenFull) throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, whenFull: whenFull)) { bus in
      let publisher = try bus.publisher()
      for number in 0..<30 { try publisher.publish("\(number)") }
      var earliest = try bus.subscriber(from: .earliest)
      var latest = try bus.subscriber(from: .latest)
      var tenth = try bus.subscriber(from: .offset(10))
      var ahead = try bus.subscriber(from: .offset(32))
      for number in 30..<35 { try publisher.publish("\(number)") }
      #expect(try earliest.ready().map(\.offset) == Array(0..<35))
      #expect(try latest.ready().map(\.offset) == Array(30..<35))
      #expect(try tenth.ready().map(\.offset) == Array(10..<35))
      #expect(try ahead.ready().map(\.offset) == [32, 33, 34])
    }
  }

  /// A publisher that knows how far it may go does not look at the gate: what was there before a subscriber
  /// came may go, what comes after it may not.
  @Test func whatWasPublishedAfterItJoinedIsNotSkippedWithWhatIsGone() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      for number in 0..<65 { try publisher.publish("\(number)") }
      var subscriber = try bus.subscriber(from: .earliest)
      for number in 65..<128 { try publisher.publish("\(number)", timeout: .zero) }
      guard case .gap(let gap) = subscribeError({ _ = try subscriber.copy() }) else {
        Issue.record("nothing was gone")
        return
      }
      #expect(gap.from == 1 && gap.to == 65)
      #expect(try subscriber.ready().map(\.offset) == Array(65..<128))
    }
  }

  /// Nothing tells where the messages behind a batch's first begin when that has gone.
  @Test func messagesOfABatchThatLostItsStartAreAGap() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      try publisher.publish(batch: (0..<3).map { _ in [UInt8](repeating: 1, count: 100) })
      for number in 6..<66 { try publisher.publish("\(number)") }
      var subscriber = try bus.subscriber(from: .offset(3))
      guard case .gap(let gap) = subscribeError({ _ = try subscriber.copy() }) else {
        Issue.record("it was not told that the message at 4 cannot be reached")
        return
      }
      #expect(gap.from == 3 && gap.to == 6)
      #expect(try subscriber.ready().map(\.offset) == Array(6..<66))
    }
  }

  @Test func earliestOfARingThatWentRound() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      for number in 0..<1000 { try publisher.publish("\(number)") }
      var subscriber = try bus.subscriber(from: .earliest)
      #expect(try subscriber.ready().map(\.offset) == Array(936..<1000))
      var gone = try bus.observer(from: .offset(5))
      guard case .gap(let gap) = subscribeError({ _ = try gone.copy() }) else {
        Issue.record("offset 5 is gone, and nobody says so")
        return
      }
      #expect(gap.from == 5 && gap.to >= 936 && gap.count == gap.to - 5)
      #expect(try gone.ready().map(\.offset) == Array(gap.to..<1000))
    }
  }

  /// An offset inside a message is rounded up to the next one, also when nothing is there yet.
  @Test(arguments: [BusConfiguration.WhenFull.block, .overwrite])
  func anOffsetInsideAMessageIsRoundedUp(whenFull: BusConfiguration.WhenFull) throws {
    for first in 0..<9 as Range<Offset> {
      try withBus(BusConfiguration(slots: 64, slotSize: 64, whenFull: whenFull)) { bus in
        let publisher = try bus.publisher(timeout: .seconds(2))
        var before = try bus.subscriber(from: .offset(first))
        for number in 0..<3 { try publisher.publish(Pattern.bytes(1, number, count: 180)) }
        var after = try bus.subscriber(from: .offset(first))
        let expected = [0, 3, 6].filter { $0 >= first } as [Offset]
        #expect(try before.ready().map(\.offset) == expected, "joined before, from \(first)")
        #expect(try after.ready().map(\.offset) == expected, "joined after, from \(first)")
        // And nobody holds the ring for ever.
        for number in 0..<100 {
          try publisher.publish("\(number)")
          _ = try #require(try before.copy(within: .seconds(2)))
          _ = try #require(try after.copy(within: .seconds(2)))
        }
      }
    }
  }

  /// A loan that was open when the reader came: what is below the asked offset is not given out later.
  @Test func anOffsetBehindAnOpenLoanIsKept() throws {
    try withBus { bus in
      let holder = try bus.publisher()
      let publisher = try bus.publisher()
      let loan = try holder.loan(byteCount: 200)
      for number in 0..<10 { try publisher.publish("\(number)") }
      var subscriber = try bus.subscriber(from: .offset(8))
      #expect(try subscriber.copy(within: .zero) == nil)
      try loan.publish()
      #expect(try subscriber.ready().map(\.offset) == Array(8..<14))
    }
  }

  @Test func forEachGivesEachMessageAndStopsAtAnError() throws {
    struct Enough: Error {}
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for number in 0..<20 { try publisher.publish("\(number)") }
      var seen: [Offset] = []
      #expect(throws: Enough.self) {
        try subscriber.forEach(timeout: .zero) { message in
          seen.append(message.offset)
          if message.offset == 9 { throw Enough() }
        }
      }
      #expect(seen == Array(0...9))
      let head = bus.map.head(bus.map.layout.maxGroups, partition: 0).head
      #expect(Packed.offset(head.loadAcquire()) == 9, "what threw is not done")
      try subscriber.forEach(timeout: .zero) { seen.append($0.offset) }
      #expect(seen == Array(0..<20))
    }
  }

  @Test func committedMessagesAreEmptyAndGiveRoomAtOnce() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for number in 0..<64 { try publisher.publish("\(number)", key: "k") }
      if var message = try subscriber.next(timeout: .zero) {
        holds(message.hasKey && message.key.byteCount == 1)
        try message.commit()
        holds(message.bytes.byteCount == 0)
        holds(message.key.byteCount == 0)
      }
      #expect(try publisher.publish("room", timeout: .zero) == 64)
      #expect(publishError { try publisher.publish("x", timeout: .zero) } != nil)
    }
  }

  @Test func aSleepingReaderUsesNoTimeAndIsWokenAtOnce() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      let name = bus.name
      let used = Shared<UInt64>(.max)
      let texts = Shared<[String]>([])
      let reader = Thread {
        guard var subscriber = try? Bus.open(name).subscriber(wait: .sleep) else { return }
        let cpu = threadNanoseconds()
        let text = try? subscriber.text(within: .seconds(30))
        used.change { $0 = threadNanoseconds() - cpu }
        if let text { texts.change { $0.append(text) } }
      }
      let row = bus.map.endpoint(bus.configuration.maxPublishers)
      #expect(eventually { row.asleep.loadAcquire() != 0 })
      let nap = monotonicNanoseconds() + 300_000_000
      #expect(eventually { monotonicNanoseconds() > nap })
      try publisher.publish("wake up")
      reader.join()
      #expect(texts.value == ["wake up"])
      #expect(used.value < 20_000_000, "\(used.value) ns of CPU")
    }
  }

  @Test func timeoutsAreKept() throws {
    try withBus { bus in
      var subscriber = try bus.subscriber()
      for timeout in [0, 1, 30] as [UInt64] {
        let started = monotonicNanoseconds()
        #expect(try subscriber.copy(within: .milliseconds(timeout)) == nil)
        let taken = monotonicNanoseconds() - started
        #expect(taken >= timeout * 1_000_000 && taken < (timeout + 3_000) * 1_000_000)
      }
      #expect(try subscriber.copy(within: .seconds(-1)) == nil)
    }
  }

  @Test func chosenPartitionsOnly() throws {
    try withBus(BusConfiguration(partitions: 4, slots: 64, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      var some = try bus.subscriber(partitions: [3, 1, 1])
      for number in 0..<40 { try publisher.publish("\(number)", partition: number % 4) }
      let seen = try some.ready()
      #expect(seen.count == 20 && Set(seen.map(\.partition)) == [1, 3])
      for partition in [1, 3] {
        let offsets = seen.filter { $0.partition == partition }.map(\.offset)
        #expect(offsets == Array(0..<10))
      }
      // What it does not read it does not hold.
      for _ in 0..<200 { try publisher.publish("x", partition: 0, timeout: .zero) }
    }
  }

  @Test func noPartitionStarves() throws {
    try withBus(BusConfiguration(partitions: 2, slots: 1024, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      for way in ["next", "poll"] {
        var subscriber = try bus.subscriber()
        for _ in 0..<600 { try publisher.publish("many", partition: 0) }
        try publisher.publish("one", partition: 1)
        var before = 0
        var found = false
        // Ends: 601 messages lie ready.
        while !found, before < 601 {
          if way == "next" {
            found = try subscriber.copy()?.partition == 1
            before += 1
          } else {
            var batch = try subscriber.poll(max: 16)
            while let message = try batch.next() {
              if message.partition == 1 { found = true }
              before += 1
            }
          }
        }
        #expect(found && before <= 130, "\(way): \(before) messages before the other partition's")
      }
    }
  }
}

import TestSupport
import Testing

@testable import ShmBus

@Suite struct TrimTests {
  private static let small = BusConfiguration(slots: 64, slotSize: 64, maxGroups: 4)

  private func gap(_ body: () throws -> Void) -> SubscribeError.Gap? {
    guard case .gap(let gap) = subscribeError(body) else { return nil }
    return gap
  }

  private func fill(_ bus: Bus, _ count: Int) throws {
    let publisher = try bus.publisher(timeout: .zero)
    for number in 0..<count { try publisher.publish("\(number)") }
  }

  @Test func theStartOnlyGrowsAndStaysWithinWhatIsPublished() throws {
    try withBus(Self.small) { bus in
      try fill(bus, 10)
      #expect(try bus.trim(before: .offset(4)).map { [$0.from, $0.to] } == [[0, 4]])
      #expect(try bus.trim(before: .offset(2)).map { [$0.from, $0.to] } == [[4, 4]])
      #expect(try bus.trim(before: .offset(1 << 40)).map { [$0.from, $0.to] } == [[4, 10]])
      #expect(try bus.status().partitions[0].oldest == 10)
      try fill(bus, 100)
      #expect(try bus.status().partitions[0].oldest == 46)
      #expect(try bus.status().partitions[0].start == 10)
      #expect(busError { try bus.trim(before: .offset(1), partitions: [1]) }?.code == .usage)
    }
  }

  @Test func anOffsetInsideAMessageIsRoundedUp() throws {
    try withBus(Self.small) { bus in
      let publisher = try bus.publisher()
      for number in 0..<4 { try publisher.publish(Pattern.bytes(1, number, count: 64 * 3)) }
      #expect(try bus.trim(before: .offset(4))[0].to == 6)
      var reader = try bus.subscriber(from: .earliest)
      try holds(reader.copy()?.offset == 6)
    }
  }

  @Test func aTimeTrimsWhatIsOlder() throws {
    try withBus(Self.small) { bus in
      try fill(bus, 5)
      let time = Clock.realtime()
      #expect(eventually { Clock.realtime() > time + 1_000_000 })
      try fill(bus, 5)
      #expect(try bus.trim(before: .time(time + 1))[0].to == 5)
      var reader = try bus.subscriber(from: .time(0))
      try holds(reader.text() == "0")
      try holds(reader.copy()?.offset == 6)
    }
  }

  @Test func whoComesLaterBeginsAtTheStart() throws {
    try withBus(Self.small) { bus in
      try fill(bus, 10)
      try bus.trim(before: .offset(6))
      for start in [StartPosition.earliest, .time(0), .relative(0), .relative(-1 << 40)] {
        var observer = try bus.observer(from: start)
        try holds(observer.copy()?.offset == 6)
        var member = try bus.subscriber(.group("g"), from: start)
        try holds(member.copy()?.offset == 6)
        try member.close()
        try bus.deleteGroup("g")
      }
      var asked = try bus.subscriber(from: .offset(2))
      #expect(gap { _ = try asked.copy() } == .init(partition: 0, from: 2, to: 6, cause: .trimmed))
      try holds(asked.text() == "6")
    }
  }

  @Test func anEphemeralSubscriberNoticesWithinAStride() throws {
    try withBus(BusConfiguration(slots: 1024, slotSize: 64)) { bus in
      var reader = try bus.subscriber(from: .earliest)
      try fill(bus, 500)
      try holds(reader.text() == "0")
      try bus.trim(before: .offset(300))
      var next = 1
      let told = gap {
        while let message = try reader.copy(within: .zero) {
          #expect(message.offset == next)
          next += 1
        }
      }
      #expect(told == .init(partition: 0, from: Offset(next), to: 300, cause: .trimmed))
      #expect(next <= 1 + 32)
      for number in 300..<500 { try holds(reader.text() == "\(number)") }
    }
  }

  @Test func observersAndMembersNoticeAtOnce() throws {
    try withBus(Self.small) { bus in
      var observer = try bus.observer(from: .earliest)
      var member = try bus.subscriber(.group("g"), from: .earliest)
      try fill(bus, 40)
      try holds(observer.text() == "0")
      try holds(member.text() == "0")
      #expect(try bus.trim(before: .offset(30))[0].groupsBehind == ["g"])
      let expected = SubscribeError.Gap(partition: 0, from: 1, to: 30, cause: .trimmed)
      #expect(gap { _ = try observer.copy() } == expected)
      #expect(gap { _ = try member.copy() } == expected)
      try holds(observer.text() == "30")
      try holds(member.text() == "30")
      #expect(try bus.group("g").partitions[0].lag == 10)
      try member.commit()
      #expect(try bus.group("g").partitions[0].head == 31)
    }
  }

  @Test(arguments: [GapPolicy.earliest, .latest, .fail])
  func theGapPolicyIsKept(policy: GapPolicy) throws {
    try withBus(Self.small) { bus in
      var member = try bus.subscriber(.group("g", whenGone: policy), from: .earliest)
      try fill(bus, 20)
      try bus.trim(before: .offset(8))
      let to: Offset = policy == .latest ? 20 : 8
      let expected = SubscribeError.Gap(partition: 0, from: 0, to: to, cause: .trimmed)
      #expect(gap { _ = try member.copy() } == expected)
      if policy == .fail {
        #expect(gap { _ = try member.copy() } == expected)
        try member.seek(partition: 0, to: .earliest)
      }
      try fill(bus, 1)
      try holds(member.copy()?.offset == to)
    }
  }

  @Test func noMemoryChangesHands() throws {
    try withBus(Self.small) { bus in
      var member = try bus.subscriber(.group("g"), from: .earliest)
      let publisher = try bus.publisher(timeout: .zero)
      for number in 0..<64 { try publisher.publish(Pattern.bytes(1, number, count: 60)) }
      guard let message = try member.next(timeout: .seconds(5)) else {
        Issue.record("nothing came")
        return
      }
      try bus.trim(before: .offset(64))
      // Its head still holds the ring, and so what is borrowed from it.
      let refused = publishError { try publisher.publish("more") }
      guard case .full? = refused else {
        Issue.record("published over a message that is held: \(String(describing: refused))")
        return
      }
      let isWhole = Pattern.isWhole(message.bytes)
      #expect(isWhole)
    }
  }

  @Test func whatIsNotDecidedYetIsNotTrimmed() throws {
    try withBus(Self.small) { bus in
      try fill(bus, 5)
      let publisher = try bus.publisher()
      let loan = try publisher.loan(byteCount: 8)
      try publisher.publish("after")
      #expect(try bus.trim(before: .offset(7))[0].to == 5)
      try loan.publish()
      #expect(try bus.trim(before: .offset(7))[0].to == 7)
    }
  }

  /// Readers that stand anywhere, trims anywhere: everything is delivered once, in order, or in a gap.
  @Test func everythingIsDeliveredOrInAGap() throws {
    var seed = Seed.announced("everythingIsDeliveredOrInAGap")
    func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &seed) }
    try withBus(BusConfiguration(slots: 256, slotSize: 64, maxGroups: 4)) { bus in
      let publisher = try bus.publisher(timeout: .zero)
      var ephemeral = try bus.subscriber(from: .earliest)
      var member = try bus.subscriber(.group("g"), from: .earliest)
      var places: [Offset] = [0, 0]
      func take(_ reader: inout Subscriber, _ who: Int, _ count: Int) throws {
        for _ in 0..<count {
          do {
            guard let message = try reader.copy(within: .zero) else { return }
            #expect(message.offset == places[who])
            places[who] = message.offset + Offset((message.payload.count + 63) / 64)
          } catch SubscribeError.gap(let gap) {
            #expect(gap.from == places[who] && gap.to > gap.from)
            #expect(gap.cause == .trimmed)
            places[who] = gap.to
          }
        }
        try reader.commit()
      }
      for round in 0..<200 {
        for _ in 0..<below(20) {
          let size = 1 + below(300)
          _ = try unsafe publisher.tryPublish(Pattern.bytes(1, round, count: size).span.bytes)
        }
        if below(3) == 0 {
          try bus.trim(before: .offset(places[0] + Offset(below(100))))
        }
        try take(&ephemeral, 0, below(20))
        try take(&member, 1, below(20))
      }
      try take(&ephemeral, 0, 1000)
      try take(&member, 1, 1000)
      let end = try bus.status().partitions[0].cursor
      #expect(places == [end, end])
    }
  }
}

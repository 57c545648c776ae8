import TestSupport
import Testing

@testable import ShmBus

@Suite struct LoanTests {
  @Test func aLoanIsFilledInPlace() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for (number, size) in [0, 1, 64, 65, 1024].enumerated() {
        var loan = try publisher.loan(byteCount: size)
        holds(loan.byteCount == size)
        loan.fill(Pattern.bytes(1, number, count: size))
        let promised = loan.offset
        #expect(try subscriber.copy(within: .zero) == nil, "an open loan is not seen")
        holds(try loan.publish() == promised)
        let message = try #require(try subscriber.copy())
        #expect(message.offset == promised)
        #expect(message.payload == Pattern.bytes(1, number, count: size))
      }
    }
  }

  @Test func aLoanUnderAKeyKeepsItWhenItShrinks() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for (length, shorter) in [(100, 100), (100, 99), (100, 3), (100, 0), (1000, 1)] {
        let key = Array("key of \(length) and \(shorter)".utf8)
        var loan = unsafe try publisher.loan(byteCount: length, key: key.span.bytes)
        loan.fill(Pattern.bytes(1, 1, count: length))
        loan.truncate(to: shorter)
        holds(loan.byteCount == shorter)
        try loan.publish()
        let message = try #require(try subscriber.copy())
        #expect(message.payload == Array(Pattern.bytes(1, 1, count: length).prefix(shorter)))
        #expect(message.key == key)
      }
    }
  }

  @Test func aDroppedLoanIsSkipped() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for round in 0..<100 {
        if round % 3 != 0 { _ = try publisher.loan(byteCount: 1 + round * 7 % 1000) }
        try publisher.publish("\(round)")
        #expect(try subscriber.text() == "\(round)")
      }
    }
  }

  @Test func severalOpenLoansArePublishedInAnyOrder() throws {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    for order in orders {
      for dropped in -1..<3 {
        try withBus { bus in
          let publisher = try bus.publisher()
          var subscriber = try bus.subscriber()
          try finishThree(publisher, order: order, dropped: dropped)
          try publisher.publish("behind")
          let seen = try subscriber.ready().map { String(decoding: $0.payload, as: UTF8.self) }
          // In the order of the claims, whatever the order of publishing.
          #expect(
            seen == ["a", "b", "c"].enumerated().filter { $0.0 != dropped }.map(\.1) + ["behind"])
          let gate = Gate(map: bus.map, partition: 0, headsHold: true)
          _ = try subscriber.copy(within: .zero)
          let segment = try bus.segment(0, writable: false)
          withExtendedLifetime(segment) {
            let ring = segment.ring
            #expect(gate.lowest(in: ring, cursor: ring.cursor.loadAcquire()).offset == ring.end)
          }
        }
      }
    }
  }

  private func finishThree(
    _ publisher: borrowing Publisher, order: [Int], dropped: Int
  ) throws {
    var first: Loan? = try publisher.loan(byteCount: 1)
    first?.fill(Array("a".utf8))
    var second: Loan? = try publisher.loan(byteCount: 1)
    second?.fill(Array("b".utf8))
    var third: Loan? = try publisher.loan(byteCount: 1)
    third?.fill(Array("c".utf8))
    for number in order {
      let loan = number == 0 ? first.take() : number == 1 ? second.take() : third.take()
      if number != dropped, let loan { try loan.publish() }
    }
  }

  @Test func readersWaitAtTheOldestOpenLoan() throws {
    try withBus { bus in
      let holder = try bus.publisher()
      let other = try bus.publisher()
      var subscriber = try bus.subscriber()
      var loan = try holder.loan(byteCount: 4)
      loan.fill(Array("held".utf8))
      for number in 0..<10 { try other.publish("\(number)") }
      #expect(try subscriber.copy(within: .milliseconds(5)) == nil)
      try loan.publish()
      #expect(try subscriber.text() == "held")
      #expect(try subscriber.ready().count == 10)
    }
  }

  @Test func theSixtyFifthOpenLoanIsRefused() throws {
    try withBus(BusConfiguration(slots: 1024, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      try nest(publisher, depth: 64) {
        #expect(publishError { _ = try publisher.loan(byteCount: 1) } == .heldByOwnLoans)
        #expect(publishError { _ = try publisher.batch(slots: 1) } == .heldByOwnLoans)
        try publisher.publish("copies need no loan")
      }
      _ = try publisher.loan(byteCount: 1)
      var subscriber = try bus.subscriber(from: .earliest)
      #expect(try subscriber.text() == "copies need no loan")
    }
  }

  private func nest(
    _ publisher: borrowing Publisher, depth: Int, _ body: () throws -> Void
  ) throws {
    if depth == 0 { return try body() }
    let loan = try publisher.loan(byteCount: 1)
    try nest(publisher, depth: depth - 1, body)
    _ = consume loan
  }

  @Test func aRingFullOfOwnLoansFailsAtOnce() throws {
    try withBus { bus in
      let publisher = try bus.publisher(timeout: .seconds(30))
      // No reader at all: nothing but the loan holds the ring.
      let loan = try publisher.loan(byteCount: 64)
      for number in 1..<64 { try publisher.publish("\(number)") }
      let started = monotonicNanoseconds()
      #expect(publishError { try publisher.publish("one too many") } == .heldByOwnLoans)
      #expect(publishError { _ = try publisher.loan(byteCount: 1) } == .heldByOwnLoans)
      #expect(monotonicNanoseconds() - started < 5_000_000_000)
      try loan.publish()
      try publisher.publish("room again")
    }
  }

  /// Held by a reader first and by the own loan then: only what cannot be mended is an error.
  @Test func ownLoansAreBlamedOnlyWhenTheyAreTheCause() throws {
    for _ in 0..<1500 {
      try withBus { bus in
        let publisher = try bus.publisher(timeout: patience)
        let subscriber = Shared(0)
        for _ in 0..<20 { try publisher.publish("before") }
        let reader = try bus.subscriber(from: .earliest)
        let loan = try publisher.loan(byteCount: 1)
        for _ in 0..<43 { try publisher.publish("behind") }
        // The reader goes on to the loan while the publisher wants one slot: then there are twenty.
        let name = bus.name
        let moved = Thread {
          let bus = try? Bus.open(name)
          guard let track = bus?.map.head(bus!.map.layout.maxGroups, partition: 0) else { return }
          track.head.storeRelease(Packed.head(20, term: Packed.term(track.head.loadAcquire())))
          if let map = bus?.map { Sleepers.publishers(of: 0, in: map).wakeAny() }
          subscriber.change { $0 = 1 }
        }
        let error = publishError { try publisher.publish("fits") }
        moved.join()
        #expect(error == nil)
        _ = consume loan
        _ = consume reader
      }
    }
  }
}

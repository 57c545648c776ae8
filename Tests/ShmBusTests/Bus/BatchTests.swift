import TestSupport
import Testing

@testable import ShmBus

@Suite struct BatchTests {
  @Test func aBatchBecomesVisibleAsOne() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      var batch = try publisher.batch(slots: 6)
      for number in 0..<4 {
        holds(batch.append(Pattern.bytes(1, number, count: 10 + number)))
        #expect(try subscriber.copy(within: .zero) == nil)
      }
      holds(batch.append(Pattern.bytes(1, 4, count: 128)))
      holds(batch.count == 5 && batch.slotsLeft == 0)
      holds(!batch.append([]))
      #expect(try observer.copy(within: .zero) == nil)
      holds(try batch.publish() == 0)
      for messages in [try subscriber.ready(), try observer.ready()] {
        #expect(messages.map(\.offset) == [0, 1, 2, 3, 4])
        #expect(messages.map(\.payload.count) == [10, 11, 12, 13, 128])
        #expect(Set(messages.map(\.timestamp)).count == 1, "one timestamp for all")
      }
    }
  }

  @Test func whatWasNotFilledIsSkipped() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for filled in 0...8 {
        var batch = try publisher.batch(slots: 8)
        for number in 0..<filled { holds(batch.append([UInt8(number)])) }
        try batch.publish()
        try publisher.publish("behind \(filled)")
        let messages = try subscriber.ready()
        #expect(messages.dropLast().map(\.payload) == (0..<filled).map { [UInt8($0)] })
        #expect(messages.last?.payload == Array("behind \(filled)".utf8))
      }
    }
  }

  @Test func aDroppedBatchLeavesNothing() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for filled in [0, 1, 4, 16] {
        for round in 0..<10 {
          do {
            var batch = try publisher.batch(slots: 16)
            for _ in 0..<filled { holds(batch.append(Array("never".utf8))) }
          }
          try publisher.publish("round \(round)")
          #expect(try subscriber.text() == "round \(round)")
          #expect(try subscriber.copy(within: .zero) == nil)
        }
      }
    }
  }

  @Test func batchesGoAcrossTheWrapWithKeysAndSpans() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for round in 0..<50 {
        var batch = try publisher.batch(slots: 13)
        let sizes = [200, 0, 64, 1, 130].map { ($0 + round) % 201 }
        for (number, size) in sizes.enumerated() {
          let bytes = Pattern.bytes(round, number, count: size)
          let key = Array("k\(number)".utf8)
          holds(unsafe batch.append(bytes.span.bytes, key: key.span.bytes))
        }
        let first = try batch.publish()
        let messages = try subscriber.ready()
        #expect(messages.first?.offset == first && messages.count == 5)
        for (number, message) in messages.enumerated() {
          #expect(message.payload == Pattern.bytes(round, number, count: sizes[number]))
          #expect(message.key == Array("k\(number)".utf8))
        }
      }
    }
  }

  @Test func aBatchAndLoansMayBeOpenTogether() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      var batch = try publisher.batch(slots: 3)
      var loan = try publisher.loan(byteCount: 4)
      loan.fill(Array("loan".utf8))
      try publisher.publish("copy")
      holds(batch.append([1]))
      try loan.publish()
      holds(batch.append([2]))
      #expect(try subscriber.copy(within: .zero) == nil)
      try batch.publish()
      let seen = try subscriber.ready().map(\.payload)
      #expect(seen == [[1], [2], Array("loan".utf8), Array("copy".utf8)])
    }
  }

  @Test func aListIsOneBatch() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      #expect(try publisher.publish(batch: [[1], [], [3, 3]]) == 0)
      #expect(try subscriber.ready().map(\.payload) == [[1], [], [3, 3]])
      try publisher.publish(batch: [])
      #expect(try subscriber.copy(within: .zero) == nil)
      let tooMany = [[UInt8]](repeating: [1], count: 17)
      #expect(publishError { try publisher.publish(batch: tooMany) } != nil)
      try publisher.publish("behind")
      #expect(try subscriber.text() == "behind")
    }
  }

  /// No place inside a batch is a place to start reading.
  @Test func aLateReaderEntersAtTheBatchsStartOrBehindIt() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, indexSpacing: 8)) { bus in
      let publisher = try bus.publisher()
      for round in 0..<12 {
        try publisher.publish(batch: (0..<7).map { [UInt8(round), UInt8($0)] })
      }
      var observer = try bus.observer(from: .earliest)
      let all = try observer.ready()
      #expect(all.first.map { $0.payload[1] } == 0)
      #expect(all.last?.payload == [11, 6])
      for offset in all[0].offset..<84 {
        var late = try bus.observer(from: .offset(offset))
        #expect(try late.copy()?.offset == offset, "a message inside a batch has its offset")
      }
    }
  }
}

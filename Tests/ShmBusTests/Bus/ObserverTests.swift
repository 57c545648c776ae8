import TestSupport
import Testing

@testable import ShmBus

@Suite struct ObserverTests {
  /// Reads all there is; the offsets it was given and the gaps it was told of.
  private func drain(
    _ reader: inout Subscriber
  ) throws -> (messages: [OwnedMessage], gaps: [SubscribeError.Gap]) {
    var messages: [OwnedMessage] = []
    var gaps: [SubscribeError.Gap] = []
    // Ends: each round gives a message, or a gap that ends nearer to the cursor.
    while true {
      do {
        guard let message = try reader.copy(within: .zero) else { return (messages, gaps) }
        messages.append(message)
      } catch let error as SubscribeError {
        guard case .gap(let gap) = error else { throw error }
        gaps.append(gap)
      }
    }
  }

  @Test(arguments: [BusConfiguration.WhenFull.block, .overwrite], [1, 3, 17])
  func gapsAccountForEverythingMissing(
    whenFull: BusConfiguration.WhenFull, burst: Int
  ) throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, whenFull: whenFull)) { bus in
      let publisher = try bus.publisher()
      var reader =
        whenFull == .block
        ? try bus.observer(from: .earliest) : try bus.subscriber(from: .earliest)
      var cursor: Offset = 0
      var position: Offset = 0
      for round in 0..<60 {
        for number in 0..<(burst * (1 + round % 5)) {
          cursor = try publisher.publish(Pattern.bytes(1, number, count: 64 * 2)) + 2
        }
        let (messages, gaps) = try drain(&reader)
        var steps = messages.map { (from: $0.offset, to: $0.offset + 2) }
        steps += gaps.map { (from: $0.from, to: $0.to) }
        for step in steps.sorted(by: { $0.from < $1.from }) {
          #expect(step.from == position && step.to > step.from)
          position = step.to
        }
        #expect(position == cursor, "everything is delivered or in a gap")
        #expect(gaps.allSatisfy { $0.partition == 0 && $0.count == $0.to - $0.from })
        for message in messages { #expect(message.payload.count == 128) }
      }
    }
  }

  @Test func aReaderThatKeepsUpMissesNothing() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, whenFull: .overwrite)) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for number in 0..<1000 {
        try publisher.publish(Pattern.bytes(1, number, count: 64 + number % 200))
        let message = try #require(try subscriber.copy())
        #expect(message.payload == Pattern.bytes(1, number, count: 64 + number % 200))
      }
    }
  }

  @Test func overwritingNeverWaitsForReadersButForLoans() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, whenFull: .overwrite)) { bus in
      let publisher = try bus.publisher()
      let holder = try bus.publisher()
      let reader = try bus.subscriber(from: .earliest)
      for number in 0..<300 { try publisher.publish("\(number)", timeout: .zero) }
      let loan = try holder.loan(byteCount: 1)
      for number in 0..<63 { try publisher.publish("\(number)", timeout: .zero) }
      guard case .full(let holdup) = publishError({ try publisher.publish("x", timeout: .zero) })
      else {
        Issue.record("an open loan was overwritten")
        return
      }
      #expect(holdup.kind == .publisher && holdup.offset == 300)
      _ = consume loan
      try publisher.publish("x", timeout: .zero)
      _ = consume reader
    }
  }
}

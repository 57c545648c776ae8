import TestSupport
import Testing

@testable import ShmBus

/// Partitions are added to a bus whose endpoints have room for those that it had.
@Suite struct GrowthTests {
  private static let configuration = BusConfiguration(
    partitions: 1, maxPartitions: 16, slots: 64, slotSize: 64)

  @Test(arguments: [false, true])
  func aReaderGoesOnInEachPartition(observes: Bool) throws {
    try withBus(Self.configuration) { bus in
      let publisher = try bus.publisher()
      var reader = try observes ? bus.observer() : bus.subscriber()
      var sent = 0
      for partitions in [1, 2, 3, 9, 16] {
        if partitions > 1 { try bus.addPartitions(to: partitions) }
        for _ in 0..<3 {
          for partition in 0..<partitions {
            try publisher.publish("\(sent)", partition: partition)
            sent += 1
          }
        }
        // Read half of it, so that the next ones are joined in the midst.
        if partitions < 16 {
          for _ in 0..<partitions { try holds(reader.copy() != nil) }
        }
      }
      var ends = (0..<16).map { reader.position(inPartition: $0) ?? 0 }
      for message in try reader.ready() {
        #expect(message.offset == ends[message.partition], "partition \(message.partition)")
        ends[message.partition] = message.offset + 1
      }
      holds(reader.assignment == Array(0..<16))
      #expect(ends == [15, 12, 9] + Array(repeating: 6, count: 6) + Array(repeating: 3, count: 7))
    }
  }

  @Test func aPausedPartitionStaysPaused() throws {
    try withBus(Self.configuration) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      subscriber.pause([0])
      for partitions in 2...16 {
        try bus.addPartitions(to: partitions)
        for partition in 0..<partitions {
          try publisher.publish("\(partitions)", partition: partition)
        }
        try holds(subscriber.ready().map(\.partition).sorted() == Array(1..<partitions))
        holds(subscriber.paused == [0])
      }
      subscriber.resume([0])
      let kept = try subscriber.ready().map { String(decoding: $0.payload, as: UTF8.self) }
      #expect(kept == (2...16).map(String.init))
    }
  }

  /// Their lanes stay where they are.
  @Test func openLoansAndBatchesAreGoodAfterIt() throws {
    try withBus(Self.configuration) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      var loan = try publisher.loan(byteCount: 5)
      var batch = try publisher.batch(slots: 2)
      try bus.addPartitions(to: 16)
      try publisher.publish("elsewhere", partition: 15)
      loan.fill(Array("first".utf8))
      for text in ["second", "third"] { holds(unsafe batch.append(Array(text.utf8).span.bytes)) }
      try batch.publish()
      try loan.publish()
      #expect(try publisher.publish("fourth", partition: 0) == 3)
      let messages = try subscriber.ready().filter { $0.partition == 0 }
      #expect(
        messages.map { String(decoding: $0.payload, as: UTF8.self) }
          == ["first", "second", "third", "fourth"])
    }
  }
}

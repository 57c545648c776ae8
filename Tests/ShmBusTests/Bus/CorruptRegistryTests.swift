import CShmBus
import TestSupport
import Testing

@testable import ShmBus

/// What a control segment, or a cursor, says of rows and partitions never leads an attached process
/// astray. The fuzzer of live segments found most of these.
@Suite struct CorruptRegistryTests {
  private static let configuration = BusConfiguration(
    partitions: 2, maxPartitions: 2, slots: 64, slotSize: 64, maxPublishers: 2, maxSubscribers: 2,
    maxGroups: 1, maxProducers: 1, indexSpacing: 8)

  @Test(arguments: [3, 5_000, 1 << 40, UInt64(1) << 63, .max])
  func moreRowsAndPartitionsThanThereAre(count: UInt64) throws {
    try withBus(Self.configuration) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      let words = [
        bus.map.partitionCount, bus.map.publisherRows, bus.map.subscriberRows, bus.map.groupRows,
      ]
      for word in words { word.storeRelease(count) }
      #expect(bus.partitions == 2)
      // Every message asks for the gate again, wakes everybody, and sweeps.
      for number in 0..<200 {
        try publisher.publish("\(number)", partition: number & 1)
        holds(try subscriber.text() == "\(number)")
        bus.map.partition(0).sleepers.storeRelease(1)
      }
      _ = try bus.recover()
      #expect(try bus.status().partitions.count == 2)
      var late = try bus.subscriber(from: .earliest)
      holds(try late.text() != nil)
    }
  }

  @Test func noPartitionsAtAll() throws {
    try withBus(Self.configuration) { bus in
      bus.map.partitionCount.storeRelease(0)
      #expect(bus.partitions == 1)
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      try publisher.publish("one")
      holds(try subscriber.text() == "one")
    }
  }

  @Test(arguments: [2, 3, 1022] as [UInt64])
  func aClaimantThatNoCellBelongsTo(claimant: UInt64) throws {
    try withBus(Self.configuration) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber(partitions: [0])
      let segment = try bus.segment(0, writable: true)
      try publisher.publish("first", partition: 0)
      let end = segment.ring.end
      segment.ring.cursor.storeRelease(Packed.cursor(end + 1, claimant: claimant))
      try publisher.publish("second", partition: 0)
      holds(try subscriber.text() == "first")
      // Who claimed the slot between cannot be told, so that nobody can be asked: the reader waits
      // there.
      holds(try subscriber.text(within: .milliseconds(5)) == nil)
    }
  }

  @Test func anIncarnationThatCannotGrow() throws {
    try withBus(Self.configuration) { bus in
      for row in 0..<bus.map.layout.endpointRows {
        bus.map.endpoint(row).incarnation.storeRelease(.max)
      }
      bus.map.publisherRows.storeRelease(2)
      bus.map.subscriberRows.storeRelease(2)
      #expect(bus.publisherAdmissions < .max)
      #expect(try bus.recover() == 4)
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      try publisher.publish("one")
      holds(try subscriber.text() == "one")
    }
  }

  /// Rows that cover the whole ring in every lap, and a cursor that is years away.
  @Test func aTableThatQuarantinesEverything() throws {
    try withBus(Self.configuration) { bus in
      let segment = try bus.segment(0, writable: true)
      var subscriber = try bus.subscriber(partitions: [0])
      for row in 0..<4 {
        let words = bus.map.quarantineRow(row, partition: 0)
        words.claim.storeRelease(Packed.claim(UInt64(row) * 16, span: 16))
        words.owner.storeRelease(Packed.owner(row: 0, incarnation: 1))
        words.verdict.storeRelease(Verdict(.final, lap: 1 << 38, use: 1).raw)
      }
      bus.map.partition(0).quarantineStamp.storeRelease(1)
      segment.ring.cursor.storeRelease(Packed.cursor(1 << 40, claimant: Packed.nobody))
      for _ in 0..<10 {
        do { _ = try subscriber.copy(within: .zero) } catch { #expect(error is SubscribeError) }
      }
    }
  }
}

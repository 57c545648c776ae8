import CShmBus
import Testing

@testable import ShmBus

/// Small, default, odd and the largest that a configuration allows.
private let geometries: [BusConfiguration] = [
  BusConfiguration(
    partitions: 1, maxPartitions: 1, slots: 64, slotSize: 64, maxPublishers: 1, maxSubscribers: 1,
    maxGroups: 1, maxProducers: 1, indexSpacing: 1),
  BusConfiguration(),
  BusConfiguration(slots: 64, slotSize: 192, maxPublishers: 3, indexSpacing: 64),
  BusConfiguration(
    partitions: 7, maxPartitions: 9, slots: 256, slotSize: 64, maxPublishers: 5,
    maxSubscribers: 77, maxGroups: 11, maxProducers: 13, indexSpacing: 8),
  BusConfiguration(
    partitions: 1024, slots: 1 << 30, slotSize: 1 << 20, maxPublishers: 1023,
    maxSubscribers: 4096, maxGroups: 1024, maxProducers: 4096, indexSpacing: 1 << 30),
]

@Suite struct ControlLayoutTests {
  @Test(arguments: geometries)
  func tablesFollowEachOther(configuration: BusConfiguration) throws {
    try configuration.validate()
    let layout = configuration.controlLayout
    let partitions = configuration.maxPartitions
    let heads = configuration.maxGroups + configuration.maxSubscribers
    var end = 1024
    let tables: [(start: Int, bytes: Int)] = [
      (layout.partitionTable, partitions * 256),
      (layout.endpointTable, (configuration.maxPublishers + configuration.maxSubscribers) * 256),
      (layout.headTable, partitions * heads * 64),
      (layout.groupTable, configuration.maxGroups * 256),
      (layout.producerTable, configuration.maxProducers * 128),
      (layout.sequenceTable, partitions * configuration.maxProducers * 16),
      (layout.quarantineTable, partitions * min(64, configuration.slots / 2) * 32),
    ]
    for table in tables {
      #expect(table.start == end)
      end += table.bytes
    }
    #expect(layout.segmentBytes >= end && layout.segmentBytes < end + 4096)
    #expect(layout.segmentBytes.isMultiple(of: 4096))
    // Two writers never meet on one line.
    for table in tables.prefix(5) { #expect(table.start.isMultiple(of: 64)) }
  }

  /// Two publishers, two subscribers and a group share 16 KiB; from 128 slots on a table of
  /// quarantine has all its rows.
  @Test func theSmallestBusTakesFourPages() {
    let smallest = BusConfiguration(
      partitions: 1, maxPartitions: 1, slots: 64, slotSize: 64, maxPublishers: 2,
      maxSubscribers: 2, maxGroups: 1, maxProducers: 1, indexSpacing: 16)
    #expect(smallest.controlBytes == 4096)
    #expect(smallest.partitionBytes == 12288)
    #expect(smallest.controlLayout.quarantineRows == 32)
    #expect(BusConfiguration(slots: 128).controlLayout.quarantineRows == 64)
  }

  /// Every row of every table lies inside its table and is nobody else's.
  @Test func rowsDoNotOverlap() throws {
    let layout = geometries[3].controlLayout
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: layout.segmentBytes, alignment: 4096)
    defer { unsafe bytes.deallocate() }
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0, count: layout.segmentBytes)
    let map = unsafe ControlMap(bytes, layout)
    var stamp: UInt64 = 0
    var words: [(SharedWord, UInt64)] = []
    func mark(_ word: SharedWord) {
      stamp += 1
      word.storeRelaxed(stamp)
      words.append((word, stamp))
    }
    for partition in 0..<layout.maxPartitions {
      let row = map.partition(partition)
      for word in [
        row.sleepers, row.blocked, row.origin, row.ceiling, row.start,
      ] { mark(word) }
      for head in 0..<layout.headRows {
        let row = map.head(head, partition: partition)
        for word in [row.head, row.heldFrom, row.owner] { mark(word) }
      }
    }
    for row in 0..<layout.endpointRows {
      let row = map.endpoint(row)
      for word in [row.incarnation, row.asleep, row.revoked, row.heartbeat, row.waiting] {
        mark(word)
      }
    }
    for word in [
      map.state, map.partitionCount, map.publisherRows, map.subscriberRows, map.groupRows,
      map.admissions,
    ] { mark(word) }
    #expect(words.allSatisfy { $0.loadRelaxed() == $1 })
  }

  @Test func aSubscribersHeadIsItsOwn() {
    let layout = geometries[3].controlLayout
    let map = unsafe ControlMap(UnsafeMutableRawPointer(bitPattern: 4096)!, layout)
    for row in layout.maxPublishers..<layout.endpointRows {
      let head = map.headRow(ofEndpoint: row)
      #expect(head >= layout.maxGroups && head < layout.headRows)
      #expect(map.endpointRow(ofHead: head) == row)
    }
  }
}

@Suite struct PartitionLayoutTests {
  @Test(arguments: geometries)
  func partsFollowEachOther(configuration: BusConfiguration) {
    let layout = configuration.partitionLayout
    #expect(layout.cellsOffset == 256)
    #expect(layout.indexOffset == 256 + configuration.maxPublishers * 128)
    #expect(layout.indexEntries == max(1, configuration.slots / configuration.indexSpacing))
    #expect(layout.indexEntries.nonzeroBitCount == 1)
    #expect(layout.headersOffset >= layout.indexOffset + layout.indexEntries * 16)
    #expect(layout.payloadOffset >= layout.headersOffset + configuration.slots * 64)
    #expect(
      layout.segmentBytes == layout.payloadOffset + configuration.slots * configuration.slotSize)
    // What is mapped once more begins and ends on a page.
    for offset in [
      layout.headersOffset, layout.payloadOffset, layout.segmentBytes, layout.wrap.upperBound,
    ] {
      #expect(offset.isMultiple(of: 4096))
    }
  }

  @Test(arguments: geometries)
  func theLargestMessageIsAQuarterOrTwelveBits(configuration: BusConfiguration) {
    let layout = configuration.partitionLayout
    #expect(layout.longestSpan == min(4095, configuration.slots / 4))
    #expect(configuration.largestMessage == layout.longestSpan * configuration.slotSize)
  }
}

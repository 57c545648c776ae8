import TestSupport
import Testing

@testable import ShmBus

@Suite struct PublishTests {
  @Test(arguments: [(64, 64), (64, 192), (256, 128)])
  func everySizeFromNothingToTheLargest(slots: Int, slotSize: Int) throws {
    try withBus(BusConfiguration(slots: slots, slotSize: slotSize)) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      let largest = bus.configuration.largestMessage
      var sizes = [
        0, 1, 7, slotSize - 1, slotSize, slotSize + 1, 2 * slotSize, largest - 1, largest,
      ]
      sizes += sizes
      var expected: Offset = 0
      for (number, size) in sizes.enumerated() {
        #expect(try publisher.publish(Pattern.bytes(1, number, count: size)) == expected)
        let message = try #require(try subscriber.copy())
        #expect(message.offset == expected && message.partition == 0)
        #expect(message.payload == Pattern.bytes(1, number, count: size))
        #expect(message.key == nil)
        expected += UInt64(max(1, (size + slotSize - 1) / slotSize))
      }
    }
  }

  @Test func oneByteMoreThanTheLargestNamesTheLimit() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 128)) { bus in
      let publisher = try bus.publisher()
      let limit = 16 * 128
      #expect(bus.configuration.largestMessage == limit)
      let tooLong = [UInt8](repeating: 1, count: limit + 1)
      let expected = PublishError.tooLarge(byteCount: limit + 1, limit: limit)
      #expect(publishError { try publisher.publish(tooLong) } == expected)
      #expect(publishError { _ = try publisher.loan(byteCount: limit + 1) } == expected)
      #expect(publishError { _ = try publisher.loan(byteCount: .max) } != nil)
      #expect(expected.description.contains("\(limit)"))
      // The key counts.
      let key = String(repeating: "k", count: 10)
      let fitting = [UInt8](repeating: 1, count: limit - 10)
      #expect(try publisher.publish(fitting, key: key) == 0)
      #expect(
        publishError { try publisher.publish(fitting + [1], key: key) }
          == .tooLarge(byteCount: limit + 1, limit: limit))
      #expect(publishError { _ = try publisher.batch(slots: 17) } != nil)
      #expect(try publisher.publish("next") == 16, "what was refused claimed nothing")
    }
  }

  @Test func keysArriveAndNeedNoText() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      let keys = ["", "k", "ключ", String(repeating: "long", count: 40)]
      for key in keys {
        try publisher.publish("payload of \(key)", key: key)
        let message = try #require(try subscriber.copy())
        #expect(message.key == Array(key.utf8), "an empty key is a key")
        #expect(message.payload == Array("payload of \(key)".utf8))
      }
      try publisher.publish("", key: "only a key")
      let message = try #require(try subscriber.copy())
      #expect(message.payload == [] && message.key == Array("only a key".utf8))
    }
  }

  @Test func aKeyLongerThan65535IsRefused() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 8192)) { bus in
      let publisher = try bus.publisher()
      let key = String(repeating: "k", count: 65_535)
      try publisher.publish("x", key: key)
      #expect(publishError { try publisher.publish("x", key: key + "k") } != nil)
      var subscriber = try bus.subscriber(from: .earliest)
      #expect(try subscriber.copy()?.key?.count == 65_535)
    }
  }

  @Test func aKeyGoesWhereKafkaWouldPutIt() throws {
    try withBus(BusConfiguration(partitions: 7, slots: 64, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for (key, hash) in [("21", -973_932_308), ("foobar", -790_332_482)] as [(String, Int32)] {
        try publisher.publish("x", key: key)
        let message = try #require(try subscriber.copy())
        #expect(message.partition == Int(hash & 0x7fff_ffff) % 7)
        #expect(unsafe publisher.partition(forKey: key.utf8Span.span.bytes) == message.partition)
        // Named, it goes where it is told.
        try publisher.publish("x", key: key, partition: 6)
        #expect(try subscriber.copy()?.partition == 6)
      }
    }
  }

  @Test func aSpanAcrossTheWrapIsContiguous() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      // Every phase of the ring: 5 and 64 have no divisor in common.
      for number in 0..<200 {
        let bytes = Pattern.bytes(2, number, count: 5 * 64 - number % 64)
        let offset = try publisher.publish(bytes, key: "key")
        guard let message = try subscriber.next(timeout: patience) else {
          Issue.record("nothing at \(offset)")
          return
        }
        holds(message.offset == offset)
        holds(Pattern.matches(message.bytes, 2, number))
        holds(message.key.text == "key")
      }
    }
  }

  @Test func partitionsOutOfRangeAreErrors() throws {
    try withBus(BusConfiguration(partitions: 2, slots: 64, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      for partition in [-1, 2, Int.min, Int.max] {
        let expected = PublishError.noSuchPartition(partition)
        #expect(publishError { try publisher.publish("x", partition: partition) } == expected)
        #expect(
          publishError { try publisher.publish("x", key: "k", partition: partition) } == expected)
        #expect(
          publishError { _ = try publisher.loan(byteCount: 1, partition: partition) } == expected)
        #expect(
          publishError { _ = try publisher.batch(slots: 1, partition: partition) } == expected)
        #expect(busError { _ = try bus.subscriber(partitions: [0, partition]) }?.code == .usage)
      }
      #expect(busError { _ = try bus.subscriber(partitions: []) }?.code == .usage)
    }
  }

  @Test(arguments: [Partitioner.sticky, .roundRobin, .random])
  func partitionersUseEveryPartition(partitioner: Partitioner) throws {
    try withBus(BusConfiguration(partitions: 3, slots: 1024, slotSize: 64)) { bus in
      let publisher = try bus.publisher(partitioner: partitioner)
      var subscriber = try bus.subscriber()
      for _ in 0..<576 { try publisher.publish("x") }
      var counts = [0, 0, 0]
      while let message = try subscriber.copy(within: .zero) { counts[message.partition] += 1 }
      #expect(counts.reduce(0, +) == 576)
      switch partitioner {
      case .random: #expect(counts.allSatisfy { $0 > 100 }, "\(counts)")
      default: #expect(counts == [192, 192, 192])
      }
    }
  }

  @Test func stickyStaysFor64AndABatchIsOneChoice() throws {
    try withBus(BusConfiguration(partitions: 4, slots: 1024, slotSize: 64)) { bus in
      let publisher = try bus.publisher(partitioner: .sticky)
      var subscriber = try bus.subscriber()
      for _ in 0..<128 { try publisher.publish("x") }
      let partitions = try subscriber.ready().map(\.partition)
      #expect(Set(partitions).count == 2 && partitions.count == 128)
      var seen: Set<Int> = []
      for _ in 0..<4 {
        try publisher.publish(batch: [[1], [2]])
        let batch = try subscriber.ready().map(\.partition)
        #expect(batch.count == 2 && Set(batch).count == 1)
        seen.formUnion(batch)
      }
      #expect(seen.count == 4)
    }
  }

  @Test func timestampsNeverGoBackAndAreNow() throws {
    try withBus(BusConfiguration(slots: 1024, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      let before = Clock.realtime()
      for _ in 0..<500 { try publisher.publish("x") }
      let after = Clock.realtime()
      let stamps = try subscriber.ready().map(\.timestamp)
      #expect(stamps == stamps.sorted() && stamps.count == 500)
      // The clock's own tests bound its error; a preempted reading may be off by more.
      #expect(stamps[0] + 50_000_000 >= before && stamps[499] <= after + 50_000_000)
    }
  }

  @Test func twoBusesAtOnceDoNotMeet() throws {
    try withBus { first in
      try withBus { second in
        let publisher = try first.publisher()
        let other = try second.publisher()
        var here = try first.subscriber()
        var there = try second.subscriber()
        for number in 0..<200 {
          try publisher.publish("first \(number)")
          try other.publish("second \(number)")
          #expect(try here.text() == "first \(number)")
          #expect(try there.text() == "second \(number)")
        }
        try Bus.remove(second.name, force: true)
        try publisher.publish("still here")
        #expect(try here.text() == "still here")
      }
    }
  }
}

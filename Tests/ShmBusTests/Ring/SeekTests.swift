import TestSupport
import Testing

@testable import ShmBus

/// Places found by the sparse index, against an oracle that looks at every message.
@Suite struct SeekTests {
  /// One partition's ring with random contents, every message with a time of the test's own.
  private struct Play {
    let segment: PartitionSegment
    var seed: Seed
    var ring: Ring { segment.ring }

    /// Messages of several publishers, long ones, batches, dropped loans and loans that stay open while
    /// others go on: more than the ring holds.
    mutating func fill(_ bus: Bus) throws {
      let first = try bus.publisher()
      let second = try bus.publisher()
      let third = try bus.publisher()
      let rounds = bus.configuration.slots * Int.random(in: 1...3, using: &seed) / 2
      for _ in 0..<rounds {
        switch seed.next() % 3 {
        case 0: try publish(first, beside: second)
        case 1: try publish(second, beside: third)
        default: try publish(third, beside: first)
        }
      }
    }

    private mutating func publish(
      _ publisher: borrowing Publisher, beside other: borrowing Publisher
    ) throws {
      switch seed.next() % 12 {
      case 0:
        let dropped = try publisher.loan(byteCount: Int.random(in: 1...300, using: &seed))
        _ = dropped.byteCount
      case 1:
        let count = Int.random(in: 1...12, using: &seed)
        try publisher.publish(batch: Array(repeating: [1, 2], count: count))
      case 2:
        let late = try publisher.loan(byteCount: 70)
        for _ in 0..<Int.random(in: 0...5, using: &seed) { try other.publish([5]) }
        try late.publish()
      case 3:
        let bytes = [UInt8](repeating: 7, count: Int.random(in: 64...900, using: &seed))
        try unsafe publisher.publish(bytes.span.bytes)
      default: try publisher.publish([9])
      }
    }

    /// Times that grow with the offsets, but for messages that lie up to `disorder` slots behind a later one.
    mutating func stamp(disorder: UInt64) {
      for message in messages {
        let time = 10_000 + message * 10
        let early = UInt64.random(in: 0...disorder, using: &seed) * 10
        let header = ring.header(message)
        // All of a batch have one time.
        let isInner = header.keyWord.flags & SlotHeader.Flag.insideBatch != 0
        let stamp = isInner ? ring.header(lastStart(message)).timestamp : time + early
        unsafe header.base.storeBytes(of: stamp, toByteOffset: 8, as: UInt64.self)
      }
      ring.rebuildIndex()
    }

    private func lastStart(_ offset: Offset) -> Offset {
      var start = offset
      while !ring.isClaimStart(start) { start -= 1 }
      return start
    }

    /// Every message that can be reached, by going from claim to claim.
    var messages: [Offset] {
      var found: [Offset] = []
      var position = ring.firstClaimStart(from: ring.oldestIntact, to: ring.end)
      while position < ring.end {
        switch ring.standing(at: position) {
        case .message(let span):
          found.append(position)
          position += span
        case .padding(let span): position += span
        default: return found
        }
      }
      return found
    }

    /// Entries that are empty, of an older lap, or point where no claim begins.
    mutating func damage(oneIn: UInt64) {
      let spacing = ring.spacingMask + 1
      for number in 0...ring.indexMask where seed.oneIn(oneIn) {
        let entry = ring.indexEntry(number * spacing)
        let old = entry.start.loadRelaxed()
        switch seed.next() % 3 {
        case 0: entry.start.storeRelaxed(0)
        case 1: entry.start.storeRelaxed(old > ring.capacity ? old - ring.capacity : 0)
        default: entry.start.storeRelaxed(old + 1)
        }
        entry.timestamp.storeRelaxed(seed.next())
      }
    }

    mutating func check() {
      let messages = messages
      let times = messages.map { ring.header($0).timestamp }
      for _ in 0..<200 {
        let wanted: UInt64 =
          times.isEmpty || seed.oneIn(10)
          ? seed.next() % 60_000
          : times[Int.random(in: 0..<times.count, using: &seed)] + seed.next() % 3 - 1
        let expected =
          zip(messages, times).first { $0.1 >= wanted }?.0 ?? ring.end
        #expect(ring.messageStart(notBefore: wanted) == expected, "time \(wanted)")
        let offset = seed.next() % (ring.end + 10)
        // Behind its last message a partition may have padding: reading goes on behind that.
        let next = messages.first { $0 >= offset } ?? max(offset, ring.end)
        let place = ring.messageStart(atOrAfter: offset)
        #expect(
          place <= next && (place >= min(offset, ring.end)) || place == messages.first,
          "offset \(offset): \(place), not \(next)")
      }
    }
  }

  @Test(arguments: 0..<24)
  func timesAreFoundAsByLookingAtEveryMessage(number: Int) throws {
    var seed = Seed.announced("timesAreFoundAsByLookingAtEveryMessage(\(number))")
      .branch(UInt64(number))
    let slots = 64 << Int.random(in: 0...5, using: &seed)
    let spacing = 1 << Int.random(in: 0...6, using: &seed)
    try withBus(
      BusConfiguration(
        slots: slots, slotSize: 64, whenFull: .overwrite, indexSpacing: spacing)
    ) { bus in
      var play = Play(segment: try bus.segment(0, writable: true), seed: seed)
      try play.fill(bus)
      play.stamp(disorder: number.isMultiple(of: 2) ? 0 : 60)
      play.check()
      play.damage(oneIn: UInt64(1 + number % 5))
      play.check()
      play.ring.rebuildIndex()
      #expect(play.ring.rebuildIndex() == 0)
      play.check()
    }
  }

  /// What publishers write by themselves is what a rebuild would write.
  @Test func aFreshIndexIsRight() throws {
    try withBus(BusConfiguration(slots: 512, slotSize: 64, indexSpacing: 8)) { bus in
      var play = Play(
        segment: try bus.segment(0, writable: true), seed: Seed.announced("aFreshIndexIsRight"))
      try play.fill(bus)
      #expect(play.ring.rebuildIndex() == 0)
    }
  }

  /// A search looks at few places of a large ring: the cost is counted, not timed.
  @Test func aSearchIsShort() throws {
    try withBus(
      BusConfiguration(slots: 32_768, slotSize: 64, whenFull: .overwrite, indexSpacing: 64)
    ) { bus in
      let publisher = try bus.publisher()
      for _ in 0..<40_000 { try publisher.publish([1]) }
      let segment = try bus.segment(0, writable: true)
      let ring = segment.ring
      for offset in stride(from: ring.oldestIntact, to: ring.end, by: 997) {
        let time = ring.header(offset).timestamp
        let place = ring.placeToWalk(toTime: time, from: ring.oldestIntact, to: ring.end)
        #expect(place <= offset && offset - place <= 4 * 64, "\(place) for \(offset)")
      }
    }
  }

  /// As `shmctl recover` does, while somebody publishes.
  @Test func anybodyMayWriteTheIndexAnew() throws {
    let name = TestSpace.busName("index")
    defer { TestSpace.clear(name) }
    let bus = try Bus.create(
      name, BusConfiguration(partitions: 2, slots: 256, slotSize: 64, indexSpacing: 16))
    let publisher = try bus.publisher(partitioner: .roundRobin)
    for number in 0..<400 { try publisher.publish("\(number)") }
    #expect(try bus.rebuildIndex() == 0)
    let segments = try (0..<2).map { try bus.segment($0, writable: true) }
    for segment in segments {
      for boundary in stride(from: UInt64(0), to: 192, by: 16) {
        segment.ring.indexEntry(boundary).write(boundary ^ 3, timestamp: 7)
      }
    }
    #expect(try bus.rebuildIndex() == 24)
    #expect(try bus.rebuildIndex() == 0)
    try publisher.publish("goes on")
  }
}

import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// What a disk may hold when the host goes down under load: of each sector some version since the last sync,
/// in any mixture. Real publishers publish and sync; their file is copied at two moments, and every
/// image that is tried takes each sector from one of the copies.
@Suite struct DiskTests {
  let space = StoredSpace()

  /// What publishers said.
  private struct Journal {
    /// By publisher and number: where it went.
    var offsets: [[Int: Offset]] = [[:], [:]]
    /// By publisher: all numbers below it were synced.
    var synced = [0, 0]

    mutating func take(_ line: String, of publisher: Int) {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == "synced" {
        synced[publisher] = Int(words[1]) ?? 0
      } else if words.count == 3, let offset = Offset(words[0]), let number = Int(words[1]) {
        offsets[publisher][number] = offset
      }
    }
  }

  @Test func whatWasSyncedIsThereAndNothingTornIsDelivered() throws {
    var seed = Seed.announced("whatWasSyncedIsThereAndNothingTornIsDelivered")
    let name = TestSpace.busName("disk")
    defer { TestSpace.clear(name) }
    var journal = Journal()
    let (before, after, synced) = try load(name, &seed, &journal)
    #expect(synced.contains { $0 > 0 })
    for round in 0..<8 {
      let image = mixture(before, after, &seed)
      try check(image, journal, synced: synced, isDamaged: false, "round \(round)")
      let damaged = damage(image, &seed)
      try check(damaged, journal, synced: [0, 0], isDamaged: true, "damaged, round \(round)")
    }
  }

  /// Runs two publishers and copies their file twice; what was synced before the first copy began.
  private func load(
    _ name: String, _ seed: inout Seed, _ journal: inout Journal
  ) throws -> (before: [UInt8], after: [UInt8], synced: [Int]) {
    _ = try Bus.create(name, space.configuration())
    let actors = try (0..<2).map { publisher in
      try Actor([
        "publish", "bus=\(name)", "publisher=\(publisher)", "count=1000000", "largest=300",
        "sync=\(3 + publisher * 4)", "seed=\(seed.next() >> 1)",
      ])
    }
    for actor in actors { #expect(try actor.line() == "ready") }
    for actor in actors { actor.tell("go") }
    func follow(_ lines: Int) throws {
      for _ in 0..<lines {
        for (publisher, actor) in actors.enumerated() {
          if let line = try actor.line() { journal.take(line, of: publisher) }
        }
      }
    }
    try follow(100 + Int(seed.next() % 1500))
    let synced = journal.synced
    let before = bytes(of: space.path(name, 0))
    try follow(1 + Int(seed.next() % 200))
    var after = bytes(of: space.path(name, 0))
    for actor in actors { actor.kill() }
    for (publisher, actor) in actors.enumerated() {
      for line in try actor.rest() { journal.take(line, of: publisher) }
    }
    // The ceiling was on the disk before any offset was handed out that it allows.
    after.replaceSubrange(0..<4096, with: bytes(of: space.path(name, 0)).prefix(4096))
    return (before, after, synced)
  }

  /// Sector by sector from either copy; the first page is the newer one's.
  private func mixture(_ before: [UInt8], _ after: [UInt8], _ seed: inout Seed) -> [UInt8] {
    var image = after
    // From all of the one to all of the other.
    let share = seed.next() % 101
    for sector in stride(from: 4096, to: image.count, by: 512) where seed.next() % 100 < share {
      image.replaceSubrange(sector..<(sector + 512), with: before[sector..<(sector + 512)])
    }
    return image
  }

  private func damage(_ image: [UInt8], _ seed: inout Seed) -> [UInt8] {
    var image = image
    for _ in 0..<(1 + seed.next() % 200) {
      let place = 256 + Int(seed.next() % UInt64(image.count - 256))
      image[place] ^= UInt8(truncatingIfNeeded: 1 << (seed.next() % 8))
    }
    if seed.oneIn(3) { image.removeLast(Int(seed.next() % UInt64(image.count - 4096))) }
    return image
  }

  private func check(
    _ image: [UInt8], _ journal: Journal, synced: [Int], isDamaged: Bool, _ what: String
  ) throws {
    let name = TestSpace.busName("image")
    write(image, to: space.path(name, 0))
    defer {
      TestSpace.clear(name)
      unsafe _ = unlink(space.path(name, 0))
    }
    let (bus, partitions) = try Bus.adopt(name, storage: space.directory)
    let cursor = partitions[0].cursor
    let harvest = try Harvest(bus)
    #expect(harvest.damaged == [], "\(what)")
    var found: [[Int: Offset]] = [[:], [:]]
    var last: Offset?
    for message in harvest.messages {
      #expect(last.map { $0 < message.offset } ?? true, "\(what): order")
      last = message.offset
      let bytes = unsafe message.payload.span.bytes
      let isWhole = Pattern.isWhole(bytes)
      guard isWhole, let (publisher, number) = Pattern.name(of: bytes), publisher < 2 else {
        Issue.record("\(what): torn at offset \(message.offset)")
        continue
      }
      found[publisher][number] = message.offset
      let told = journal.offsets[publisher][number]
      #expect(told == nil || told == message.offset, "\(what): \(publisher) \(number)")
    }
    #expect(harvest.messages.count == partitions[0].messages || isDamaged, "\(what)")
    for gap in harvest.gaps { #expect(gap.cause == .lost && gap.to <= cursor, "\(what)") }
    for publisher in 0..<2 {
      for (number, offset) in journal.offsets[publisher] {
        #expect(offset < cursor, "\(what): handed out and to be handed out again")
        // The oldest claim of the ring may have lost its start, and a batch is nothing without it.
        guard number < synced[publisher], offset + 1024 >= cursor + 64 else { continue }
        #expect(found[publisher][number] == offset, "\(what): \(publisher) \(number) was synced")
      }
    }
    let publisher = try bus.publisher()
    #expect(try publisher.publish("on") == cursor, "\(what)")
  }
}

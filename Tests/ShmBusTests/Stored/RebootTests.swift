import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// A stored bus after its host went down: its control segment is gone, and its files hold what reached the
/// disk.
@Suite struct RebootTests {
  let space = StoredSpace()

  /// A bus whose host went down after `work`: all that is left of it are its files. Whoever
  /// brings it back clears its name.
  private func rebooted(after work: (Bus) throws -> Void) throws -> String {
    let name = TestSpace.busName("reboot")
    defer { TestSpace.clear(name) }
    try work(Bus.create(name, space.configuration()))
    return name
  }

  @Test func everythingIsThereWhenEverythingReachedTheDisk() throws {
    var generation: UInt64 = 0
    let name = try rebooted { bus in
      generation = bus.generation
      let publisher = try bus.publisher()
      for number in 0..<50 {
        try publisher.publish(Pattern.bytes(1, number, count: 8 + number * 4), key: "key")
      }
      try publisher.publish(batch: [[1], [2], [3]])
      try publisher.sync()
    }
    defer { TestSpace.clear(name) }
    let (bus, partitions) = try Bus.adopt(name, storage: space.directory)
    #expect(bus.generation == generation)
    #expect(bus.configuration.slots == 1024 && bus.configuration.maxPublishers == 8)
    #expect(partitions.count == 1 && partitions[0].messages == 53)
    let harvest = try Harvest(bus)
    #expect(harvest.messages.count == 53)
    let isWhole = harvest.messages.prefix(50).allSatisfy {
      unsafe Pattern.isWhole($0.payload.span.bytes)
    }
    #expect(isWhole)
    #expect(harvest.gaps.count == 1)
    let gap = try #require(harvest.gaps.first)
    #expect(gap.cause == .lost && gap.to == partitions[0].cursor)
    #expect(try bus.status().partitions[0].lost == gap.from..<gap.to)
    // Publishing goes on above, and what is published then is read.
    let publisher = try bus.publisher()
    #expect(try publisher.publish("after") == partitions[0].cursor)
    for number in 0..<3000 { try publisher.publish("\(number)") }
    #expect(try Harvest(bus).messages.last?.payload == Array("2999".utf8))
  }

  @Test func aGroupIsToldOfTheGapAndAReaderInsideItGoesOn() throws {
    let name = try rebooted { bus in
      let publisher = try bus.publisher()
      for number in 0..<10 { try publisher.publish("\(number)") }
    }
    defer { TestSpace.clear(name) }
    let (bus, partitions) = try Bus.adopt(name, storage: space.directory)
    var member = try bus.subscriber(.group("g"), from: .earliest)
    for number in 0..<10 { try holds(member.text() == "\(number)") }
    try member.commit()
    let error = subscribeError { _ = try member.copy(within: .zero) }
    #expect(
      error == .gap(.init(partition: 0, from: 10, to: partitions[0].cursor, cause: .lost)))
    // A head may stand anywhere in it: its reader had seen what did not reach the disk.
    var inside = try bus.subscriber(from: .offset(100))
    guard case .gap? = subscribeError({ _ = try inside.copy(within: .zero) }) else {
      Issue.record("no gap")
      return
    }
    try bus.publisher().publish("new")
    try holds(member.text() == "new")
    try holds(inside.text() == "new")
  }

  @Test func whoHasTheFilesMappedIsNamed() throws {
    try space.withBus { bus in
      let publisher = try bus.publisher()
      TestSpace.clear(bus.name)
      let refused = busError { _ = try Bus.adopt(bus.name, storage: space.directory) }
      #expect(refused?.code == .unavailable)
      #expect(refused?.message.contains("pid \(getpid())") == true)
      try publisher.publish("still works")
    }
    let none = busError { _ = try Bus.adopt("nosuch", storage: space.directory) }
    #expect(none?.code == .notFound)
  }

  @Test func aDamagedHeaderIsAnErrorAndCutFilesAreGaps() throws {
    let name = try rebooted { bus in
      let publisher = try bus.publisher()
      for number in 0..<100 { try publisher.publish(Pattern.bytes(1, number, count: 60)) }
    }
    defer { TestSpace.clear(name) }
    let path = space.path(name, 0)
    let whole = bytes(of: path)
    var damaged = whole
    damaged[3] ^= 1
    write(damaged, to: path)
    #expect(busError { _ = try Bus.adopt(name, storage: space.directory) }?.code == .damaged)
    #expect(TestSpace.segments(of: name) == [])
    // The file system kept the first half of the payloads only.
    let layout = space.configuration().partitionLayout
    write(Array(whole.prefix(layout.payloadOffset + 50 * 64)), to: path)
    let (bus, partitions) = try Bus.adopt(name, storage: space.directory)
    #expect(partitions[0].messages == 50)
    let harvest = try Harvest(bus)
    #expect(harvest.messages.map(\.offset) == Array(0..<50))
    #expect(harvest.gaps.first?.from == 50)
  }

  @Test func aBatchThatIsNotWholeIsNotThere() throws {
    for torn in 0..<4 {
      let name = try rebooted { bus in
        let publisher = try bus.publisher()
        try publisher.publish("before")
        try publisher.publish(batch: (0..<4).map { [UInt8($0)] })
        try publisher.publish("after")
        let segment = try bus.segment(0, writable: true)
        unsafe segment.ring.cell(Offset(1 + torn)).storeBytes(of: 0xff, as: UInt8.self)
        withExtendedLifetime(segment) {}
      }
      defer { TestSpace.clear(name) }
      let (bus, _) = try Bus.adopt(name, storage: space.directory)
      let harvest = try Harvest(bus)
      #expect(harvest.messages.map(\.offset) == [0, 5])
      #expect(harvest.gaps.first == .init(partition: 0, from: 1, to: 5, cause: .lost))
      try Bus.remove(name, force: true)
    }
  }

  @Test func aSecondRebootFindsTheSame() throws {
    let name = try rebooted { bus in
      let publisher = try bus.publisher()
      for number in 0..<3000 {
        try publisher.publish(Pattern.bytes(1, number, count: 8 + number % 200))
      }
    }
    defer { TestSpace.clear(name) }
    let first = try Bus.adopt(name, storage: space.directory).partitions
    #expect(first[0].messages > 0)
    TestSpace.clear(name)
    let again = try Bus.adopt(name, storage: space.directory).partitions
    #expect(first == again)
  }

  /// A disk that changes a bit of a lap brings no older message back at a newer one's offset.
  @Test func aMessageCountsAtItsOwnOffsetOnly() throws {
    let name = TestSpace.busName("lap")
    defer { TestSpace.clear(name) }
    do {
      let bus = try Bus.create(name, space.configuration { $0.whenFull = .overwrite })
      let publisher = try bus.publisher()
      for number in 0..<1030 { try publisher.publish("\(number)") }
      let segment = try bus.segment(0, writable: true)
      for offset in UInt64(10)..<20 {
        let control = segment.ring.header(offset).control
        let old = ControlWord(control.loadRelaxed())
        let new = ControlWord(
          state: old.state, lap: old.lap + 1, span: old.span, publisher: old.publisher)
        control.storeRelease(new.raw)
      }
      withExtendedLifetime(segment) {}
    }
    TestSpace.clear(name)
    let (bus, partitions) = try Bus.adopt(name, storage: space.directory)
    #expect(partitions[0].cursor > 1044)
    #expect(try Harvest(bus).messages.allSatisfy { $0.offset < 1030 })
  }
}

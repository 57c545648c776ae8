import Glibc
import TestSupport
import Testing

@testable import ShmBus

@Suite struct RestoreTests {
  @Test func aBusComesBackWithItsGroupsAndGoesOnAbove() throws {
    try withKeptBus { bus, directory in
      let publisher = try bus.publisher()
      for number in 0..<20 { try publisher.publish("m\(number)", partition: number % 2) }
      try commit(6, of: bus)
      try bus.checkpoint()
      let identity = bus.identity
      loseMemory(of: bus.name)

      let back = try Bus.restore(bus.name, from: .path(directory), keepsHouse: false)
      #expect(back.identity == identity)
      #expect(back.configuration == bus.configuration)
      #expect(back.generation != bus.generation)
      #expect(back.state.uncovered.isEmpty)
      let report = Inspection.report(
        of: try Bus.segments(of: back.name), named: back.name, isWhole: true)
      #expect(report.findings.isEmpty, "nothing below its origin is looked for")
      let origin: Offset = 1 << 30
      #expect(try back.status().partitions.map(\.oldest) == [origin, origin])
      let heads = try back.groups()[0].partitions.map(\.head)
      #expect(heads == [origin, origin])
      let first = try back.publisher()
      let second = try back.publisher()
      #expect(try first.publish("new", partition: 0) == origin)
      #expect(try second.publish("new", partition: 1) == origin)

      // Every member is told once, by whoever reads the partition first.
      let (gaps, offsets) = try readAll(back)
      #expect(Set(gaps.map(\.to)) == [origin] && gaps.count == 2)
      #expect(gaps.reduce(0) { $0 + $1.from } == 6)
      #expect(gaps.allSatisfy { $0.cause == .restored })
      #expect(offsets == [origin, origin])
      #expect(try readAll(back).0.isEmpty)
    }
  }

  private func commit(_ count: Int, of bus: Bus) throws {
    var subscriber = try bus.subscriber(.group("work"), from: .earliest)
    for _ in 0..<count {
      guard var message = try subscriber.next(timeout: .seconds(5)) else { return }
      try message.commit()
    }
  }

  private func readAll(_ bus: Bus) throws -> ([SubscribeError.Gap], [Offset]) {
    var subscriber = try bus.subscriber(.group("work"))
    var gaps: [SubscribeError.Gap] = []
    var offsets: [Offset] = []
    while true {
      do {
        guard var message = try subscriber.next(timeout: .milliseconds(100)) else { break }
        offsets.append(message.offset)
        try message.commit()
      } catch SubscribeError.gap(let gap) { gaps.append(gap) }
    }
    return (gaps, offsets)
  }

  /// The last checkpoint is as old as can be: what was handed out since is below the ceiling.
  @Test func anOldCheckpointCoversWhatCameLater() throws {
    try withKeptBus { bus, directory in
      let publisher = try bus.publisher()
      var last: Offset = 0
      for _ in 0..<5_000 { last = try publisher.publish([1], partition: 0) }
      for turn in 1...3 {
        loseMemory(of: bus.name)
        let back = try Bus.restore(bus.name, from: .path(directory), keepsHouse: false)
        let again = try back.publisher()
        let next = try again.publish([1], partition: 0)
        #expect(next > last, "turn \(turn)")
        last = next
      }
    }
  }

  /// A gap that nobody was told of outlives a second loss, with its first offset.
  @Test func anUntoldGapIsKept() throws {
    try withKeptBus { bus, directory in
      try bus.createGroup(.group("work"), from: .earliest)
      try bus.checkpoint()
      for _ in 0..<2 {
        loseMemory(of: bus.name)
        _ = try Bus.restore(bus.name, from: .path(directory), keepsHouse: false)
      }
      let back = try Bus.open(bus.name, keepsHouse: false)
      let (gaps, _) = try readAll(back)
      #expect(gaps.map(\.from) == [0, 0] && gaps.map(\.to) == [2 << 30, 2 << 30])
    }
  }

  @Test func creatingOverACheckpointIsRefused() throws {
    try withKeptBus { bus, directory in
      loseMemory(of: bus.name)
      let error = #expect(throws: BusError.self) {
        try Bus.create(bus.name, BusConfiguration(stateDirectory: .path(directory)))
      }
      #expect(error?.code == .cannotCreate)
      #expect(error?.message.contains("shmctl restore") == true)
      #expect(error?.message.contains("shmctl remove") == true)
      #expect(TestSpace.segments(of: bus.name).isEmpty)
    }
  }

  @Test func restoringABusInMemoryIsRefused() throws {
    try withKeptBus { bus, directory in
      let error = #expect(throws: BusError.self) {
        try Bus.restore(bus.name, from: .path(directory))
      }
      #expect(error?.code == .cannotCreate)
    }
  }

  @Test func removingTakesTheStateToo() throws {
    try withKeptBus { bus, directory in
      let place = try #require(bus.statePlace)
      #expect(place.hasState)
      try Bus.remove(bus.name)
      #expect(!place.hasState)
      let error = #expect(throws: BusError.self) {
        try Bus.restore(bus.name, from: .path(directory))
      }
      #expect(error?.code == .notFound)
    }
  }

  /// Either copy will do, and both damaged is said, not hidden.
  @Test func oneDamagedCopyIsEnoughAndTwoAreNot() throws {
    try withKeptBus { bus, directory in
      let place = try #require(bus.statePlace)
      let copies = CheckpointFiles.names.map { place.path + "/" + $0 }
      let images = copies.map { bytes(of: $0) }
      for whole in 0..<2 {
        loseMemory(of: bus.name)
        write(images[whole], to: copies[whole])
        spoil(copies[1 - whole], at: 300)
        let back = try Bus.restore(bus.name, from: .path(directory), keepsHouse: false)
        #expect(try back.status().partitions[0].cursor >= 1 << 30)
      }
      loseMemory(of: bus.name)
      for path in copies { spoil(path, at: 1_000) }
      let error = #expect(throws: BusError.self) {
        try Bus.restore(bus.name, from: .path(directory))
      }
      #expect(error?.code == .damaged)
      #expect(error?.message.contains("checksum") == true)
      #expect(copies.allSatisfy { !bytes(of: $0).isEmpty }, "nothing was thrown away")
    }
  }

  @Test func addedPartitionsAreKept() throws {
    try withKeptBus { bus, directory in
      try bus.addPartitions(to: 5)
      loseMemory(of: bus.name)
      let back = try Bus.restore(bus.name, from: .path(directory), keepsHouse: false)
      #expect(back.partitions == 5)
      #expect(try back.status().partitions.allSatisfy { $0.cursor == 1 << 30 })
    }
  }

  /// Messages of a stored bus stay, and its groups go on where they were.
  @Test(arguments: [false, true]) func aStoredBusComesBackWithMessagesAndGroups(hasMoved: Bool)
    throws
  {
    let space = StoredSpace()
    var configuration = space.configuration()
    configuration.maxGroups = 4
    try withKeptBus(configuration) { bus, directory in
      for number in 0..<20 { try bus.publisher().publish("\(number)") }
      try commit(6, of: bus)
      try bus.trim(before: .offset(4))
      try bus.checkpoint()
      try bus.sync()
      #expect(bus.state.uncovered.isEmpty)
      loseMemory(of: bus.name)
      let generation = bus.generation
      let name = bus.name
      let elsewhere = StoredSpace()
      if hasMoved { try space.move(to: elsewhere) }
      let back = try Bus.restore(
        name, from: .path(directory), storage: hasMoved ? elsewhere.directory : nil,
        keepsHouse: false)
      #expect(back.generation == generation)
      #expect(back.configuration.storage == (hasMoved ? elsewhere : space).directory)
      #expect(try back.groups()[0].partitions.map(\.head) == [6])
      let status = try back.status().partitions[0]
      #expect(status.start == 4 && status.cursor > 20)
      let (gaps, offsets) = try readAll(back)
      #expect(offsets == Array(6..<20))
      #expect(gaps.map(\.from) == [20] && gaps.map(\.cause) == [.lost])
      #expect(try back.publisher().publish("new") == status.cursor)
      try Bus.remove(name)
      #expect(space.files.isEmpty && elsewhere.files.isEmpty)
    }
  }

  /// A stored bus with groups is not brought back without them, as long as they can be read.
  @Test func adoptingIsForABusWithoutAWholeCheckpoint() throws {
    let space = StoredSpace()
    try withKeptBus(space.configuration()) { bus, directory in
      let place = try #require(bus.statePlace)
      try bus.createGroup(.group("work"), from: .earliest)
      try bus.publisher().publish("x")
      try bus.checkpoint()
      try bus.sync()
      let name = bus.name
      loseMemory(of: name)
      let wanted = BusConfiguration(stateDirectory: .path(directory))
      let refused = busError {
        _ = try Bus.adopt(name, storage: space.directory, wanted)
      }
      #expect(refused?.code == .cannotCreate && refused?.message.contains("restore") == true)
      #expect(TestSpace.segments(of: name).isEmpty)
      for copy in CheckpointFiles.names { spoil(place.path + "/" + copy, at: 700) }
      let damaged = busError {
        _ = try Bus.restore(name, from: .path(directory), keepsHouse: false)
      }
      #expect(damaged?.code == .damaged && damaged?.message.contains("shmctl adopt") == true)
      let (back, partitions) = try Bus.adopt(
        name, storage: space.directory, wanted, keepsHouse: false)
      #expect(partitions[0].messages == 1)
      #expect(try back.groups().isEmpty)
      #expect(
        CheckpointFiles.names.allSatisfy { (try? Segment(path: place.path + "/" + $0)) != nil })
      #expect(try CheckpointFiles(place.path).newest != nil, "kept anew")
    }
  }

  /// At the last moment before the bus is ready: its files are not taken for the work of who died.
  @Test func whoDiesWhileHeRestoresAStoredBusTakesNoMessageWithHim() throws {
    let space = StoredSpace()
    try withKeptBus(space.configuration()) { bus, directory in
      let name = bus.name
      try bus.publisher().publish("x")
      try bus.sync()
      try bus.checkpoint()
      loseMemory(of: name)
      for turn in 0..<2 {
        if turn == 0 {
          _ = try Bus.restore(name, from: .path(directory), keepsHouse: false)
        } else {
          for copy in CheckpointFiles.names { spoil("\(bus.statePlace!.path)/\(copy)", at: 700) }
          _ = try Bus.adopt(
            name, storage: space.directory, BusConfiguration(stateDirectory: .path(directory)),
            keepsHouse: false)
        }
        try halfMade(name)
      }
      let back = try Bus.adopt(
        name, storage: space.directory, BusConfiguration(stateDirectory: .none), keepsHouse: false)
      #expect(back.partitions[0].messages == 1)
      // Removed half way, it goes as a whole.
      back.bus.map.state.storeRelease(ControlState.removed)
      try Bus.remove(name, force: true)
      #expect(space.files.isEmpty)
    }
  }

  private func halfMade(_ name: String) throws {
    let bus = try Bus.open(name, keepsHouse: false)
    bus.map.state.storeRelease(ControlState.creating)
    withExtendedLifetime(bus) {}
    try Creation.clearLeftover(BusName(name))
    #expect(TestSpace.segments(of: name).isEmpty)
  }
}

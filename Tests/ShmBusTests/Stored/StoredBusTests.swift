import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// A bus whose partitions are files, while the host is up.
@Suite struct StoredBusTests {
  let space = StoredSpace()

  @Test func partitionsAreFilesAndTheRestIsMemory() throws {
    try space.withBus(space.configuration { $0.partitions = 2 }) { bus in
      #expect(TestSpace.segments(of: bus.name).map { $0.hasSuffix(".control") } == [true])
      #expect(space.files.count == 2)
      #expect(bus.configuration.checksum)
      let again = try Bus.open(bus.name)
      #expect(again.configuration.storage == space.directory)
      let publisher = try again.publisher()
      var reader = try bus.subscriber(from: .earliest)
      for number in 0..<20 { try publisher.publish("\(number)", partition: number % 2) }
      var texts: Set<String> = []
      while let text = try reader.text(within: .zero) { texts.insert(text) }
      #expect(texts.count == 20)
      #expect(
        try Doctor.examine(bus.name).filter { $0.subject != "host" && $0.subject != "/dev/shm" }
          == [])
      try bus.addPartitions(to: 3)
      #expect(space.files.count == 3)
    }
  }

  @Test func removalTakesTheFiles() throws {
    try space.withBus { bus in
      try Bus.remove(bus.name)
      #expect(space.files == [])
      #expect(TestSpace.segments(of: bus.name) == [])
    }
  }

  @Test func whatIsInFilesIsNeverOverwritten() throws {
    try space.withBus { bus in
      try bus.publisher().publish("precious")
      let name = bus.name
      TestSpace.clear(name)
      let refused = busError { _ = try Bus.create(name, space.configuration()) }
      #expect(refused?.code == .cannotCreate)
      #expect(refused?.message.contains("shmctl adopt") == true)
      #expect(space.files.count == 1)
      #expect(TestSpace.segments(of: name) == [])
    }
  }

  @Test func optionsThatCannotBeAreRefused() {
    func refused(_ change: (inout BusConfiguration) -> Void) -> BusError.Code? {
      busError { try space.configuration(change).validate() }?.code
    }
    #expect(refused { _ in } == nil)
    #expect(refused { $0.storage = "relative" } == .usage)
    #expect(refused { $0.storage = "/" + String(repeating: "x", count: 120) } == .usage)
    #expect(refused { $0.storage = "/var/tmp/" } == .usage)
    #expect(refused { $0.checksum = false } == .usage)
    #expect(refused { $0.sync = .interval(.microseconds(1)) } == .usage)
    #expect(refused { ($0.storage, $0.sync) = (nil, .batch) } == .usage)
    let missing = space.configuration { $0.storage = "/var/tmp/shmbus-no-such-directory" }
    #expect(
      busError { _ = try Bus.create(TestSpace.busName("none"), missing) }?.code == .cannotCreate)
  }

  @Test func syncRaisesTheDurableOffset() throws {
    try space.withBus { bus in
      let publisher = try bus.publisher()
      #expect(bus.durableOffset(partition: 0) == 0)
      try publisher.sync()
      #expect(bus.durableOffset(partition: 0) == 0)
      for number in 0..<10 { try publisher.publish("\(number)") }
      #expect(bus.durableOffset(partition: 0) == 0)
      try publisher.sync()
      #expect(bus.durableOffset(partition: 0) == 10)
      // An open loan is not published: nothing behind it is without a gap, but it is on the disk.
      let loan = try publisher.loan(byteCount: 8)
      try publisher.publish("behind")
      try publisher.sync()
      #expect(bus.durableOffset(partition: 0) == 10)
      try loan.publish()
      try bus.sync()
      #expect(bus.durableOffset(partition: 0) == 12)
      #expect(try bus.status().partitions[0].durable == 12)
    }
    try withBus { bus in
      let publisher = try bus.publisher()
      var refused: SyncError?
      do throws(SyncError) { try publisher.sync() } catch { refused = error }
      #expect(refused == .notStored)
      #expect(busError { try bus.sync() }?.code == .usage)
      #expect(bus.durableOffset(partition: 0) == nil)
    }
  }

  @Test func withSyncBatchEveryPublishIsDurableWhenItReturns() throws {
    try space.withBus(space.configuration { $0.sync = .batch }) { bus in
      #expect(try Bus.open(bus.name).configuration.sync == .batch)
      let publisher = try bus.publisher()
      for number in 0..<5 {
        let offset = try publisher.publish("\(number)")
        #expect(bus.durableOffset(partition: 0) == offset + 1)
      }
      let first = try publisher.publish(batch: [[1], [2], [3]])
      #expect(bus.durableOffset(partition: 0) == first + 3)
      var loan = try publisher.loan(byteCount: 100)
      loan.fill(Pattern.bytes(1, 1, count: 100))
      let offset = try loan.publish()
      #expect(bus.durableOffset(partition: 0) == offset + 2)
      var reader = try bus.observer(from: .earliest)
      #expect(try reader.ready().count == 9)
    }
  }

  /// The ring turns many times: each quarter of it the ceiling goes to the disk first.
  @Test(arguments: [BusConfiguration.WhenFull.block, .overwrite])
  func aSmallRingTurnsUnderItsCeiling(whenFull: BusConfiguration.WhenFull) throws {
    try space.withBus(space.configuration { ($0.slots, $0.whenFull) = (64, whenFull) }) { bus in
      let publisher = try bus.publisher()
      var reader = try bus.subscriber(from: .earliest)
      var next = 0
      for number in 0..<1000 {
        try publisher.publish("\(number)")
        let row = bus.map.partition(0)
        let ceiling = row.ceiling.loadAcquire()
        #expect(ceiling > Offset(number))
        #expect(ceiling <= Offset(number) + 1 + 64)
        try holds(reader.text() == "\(next)")
        next += 1
        let segment = try bus.segment(0, writable: false)
        #expect(segment.stored(in: bus, 0)!.ceiling.loadAcquire() >= ceiling)
      }
      // As large as messages may be: more than the stride of the ceiling allows at once.
      for number in 0..<20 {
        try publisher.publish(Pattern.bytes(1, number, count: bus.configuration.largestMessage))
        try holds(reader.copy() != nil)
      }
    }
  }

  @Test func aHalfCreatedStoredBusIsReplaced() throws {
    let name = TestSpace.busName("half")
    defer { TestSpace.clear(name) }
    _ = try Bus.create(name, space.configuration { $0.partitions = 2 })
    let bus = try Bus.open(name)
    bus.map.state.storeRelease(ControlState.creating)
    _ = try Bus.create(name, space.configuration())
    #expect(space.files.count == 1)
  }
}

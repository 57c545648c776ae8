import Glibc
import TestSupport
import Testing

@testable import ShmBus

@Suite struct CreationTests {
  @Test func aBusIsCreatedOpenedListedAndRemoved() throws {
    let name = TestSpace.busName("life")
    defer { TestSpace.clear(name) }
    let configuration = BusConfiguration(
      partitions: 3, maxPartitions: 5, slots: 128, slotSize: 192, whenFull: .overwrite, mode: 0o640,
      maxPublishers: 7, maxSubscribers: 9, maxGroups: 3, maxProducers: 2,
      claimTimeout: .milliseconds(250), indexSpacing: 16, checksum: true, prefault: true,
      stateDirectory: .none, checkpointEvery: .seconds(7))
    let created = try Bus.create(name, configuration)
    #expect(created.name == name)
    var asTold = configuration
    asTold.group = getegid()
    #expect(created.configuration == asTold)
    #expect(created.partitions == 3 && !created.isRemoved && created.generation != 0)
    let opened = try Bus.open(name)
    #expect(opened.configuration == asTold)
    #expect(opened.generation == created.generation)
    #expect(try Bus.list().contains(name))
    #expect(TestSpace.segments(of: name).count == 4)
    try Bus.remove(name)
    #expect(TestSpace.segments(of: name) == [])
    #expect(try !Bus.list().contains(name))
    #expect(opened.isRemoved && created.isRemoved)
    #expect(busError { _ = try Bus.open(name) }?.code == .notFound)
    #expect(busError { try Bus.remove(name) }?.code == .notFound)
  }

  @Test func aSecondCreateIsRefusedAndTouchesNothing() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      try publisher.publish("kept")
      let error = busError { _ = try Bus.create(bus.name) }
      #expect(error?.code == .cannotCreate)
      #expect(error?.message.contains("exists already") == true)
      var subscriber = try Bus.open(bus.name).subscriber(from: .earliest)
      #expect(try subscriber.text() == "kept")
    }
  }

  @Test func createdAnewItIsAnotherBus() throws {
    let name = TestSpace.busName("anew")
    defer { TestSpace.clear(name) }
    let first = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
    try Bus.remove(name)
    let second = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
    #expect(first.generation != second.generation)
    #expect(first.isRemoved && !second.isRemoved)
    let error = busError { _ = try first.publisher() }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("removed") == true)
    #expect(busError { _ = try first.subscriber() }?.code == .unavailable)
  }

  @Test(arguments: ["077", "000", "777"], [0o600, 0o640, 0o666])
  func modesAreExactUnderAnyUmask(umask: String, mode: Int) throws {
    let name = TestSpace.busName("mode")
    defer { TestSpace.clear(name) }
    let actor = try Actor(["create", "bus=\(name)", "umask=\(umask)", "mode=\(mode)"])
    #expect(try actor.line() == "ready")
    actor.tell("go")
    #expect(try actor.line() == "created")
    let segments = TestSpace.segments(of: name)
    #expect(segments.count == 2)
    for segment in segments {
      #expect(try SharedMemory.ownership(of: "/" + segment)?.mode == UInt32(mode))
    }
  }

  @Test(arguments: [
    "", "a.b", "a/b", "a b", "../x", "ä", "a\0b", String(repeating: "x", count: 65), "control.",
  ])
  func namesAreRefused(name: String) {
    _ = TestSpace.namespace
    for error in [
      busError { _ = try Bus.create(name) }, busError { _ = try Bus.open(name) },
      busError { try Bus.remove(name) },
    ] {
      #expect(error?.code == .usage)
      #expect(error?.message.contains("1 to 64") == true)
    }
  }

  @Test func theLongestNameWorks() throws {
    _ = TestSpace.namespace
    let name = String(("L" + String(repeating: "-_9", count: 30)).prefix(64))
    defer { TestSpace.clear(name) }
    _ = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
    #expect(try Bus.open(name).name == name)
    try Bus.remove(name)
  }

  @Test func namespacesAreApart() throws {
    #expect(try BusName("x", namespace: "").control == "/shmbus.x.control")
    #expect(try BusName("x", namespace: "n").control == "/shmbus-n.x.control")
    #expect(try BusName("x", namespace: "n").partition(12) == "/shmbus-n.x.p12")
    for space in ["a.b", "a/b", String(repeating: "x", count: 65)] {
      let error = busError { _ = try BusName("x", namespace: space) }
      #expect(error?.code == .usage)
      #expect(error?.message.contains("SHMBUS_NAMESPACE") == true)
    }
  }

  private static let impossible: [(BusConfiguration, String)] = [
    (.init(slots: 63), "slots is 63; it must be 64 to 1073741824"),
    (.init(slots: 100), "slots 100 is not a power of two; 128 would do"),
    (.init(slots: 1 << 31), "slots is 2147483648; it must be 64 to 1073741824"),
    (.init(slots: -64), "slots is -64; it must be 64 to 1073741824"),
    (.init(slotSize: 0), "slot-size is 0; it must be 64 to 1048576"),
    (.init(slotSize: 100), "slot-size 100 is not a multiple of 64; 128 would do"),
    (.init(slotSize: (1 << 20) + 64), "slot-size is 1048640; it must be 64 to 1048576"),
    (.init(partitions: 0), "partitions is 0; it must be 1 to 16"),
    (.init(partitions: 5, maxPartitions: 4), "partitions is 5; it must be 1 to 4"),
    (.init(maxPartitions: 2000), "max-partitions is 2000; it must be 1 to 1024"),
    (.init(maxPublishers: 1024), "max-publishers is 1024; it must be 1 to 1023"),
    (.init(maxPublishers: 0), "max-publishers is 0; it must be 1 to 1023"),
    (.init(maxSubscribers: 4097), "max-subscribers is 4097; it must be 1 to 4096"),
    (.init(maxGroups: 0), "max-groups is 0; it must be 1 to 1024"),
    (.init(maxProducers: -1), "max-producers is -1; it must be 1 to 4096"),
    (.init(indexSpacing: 48), "index-spacing 48 is not a power of two; 64 would do"),
    (.init(slots: 64, indexSpacing: 128), "index-spacing is 128; it must be 1 to 64"),
    (.init(mode: 0o1777), "mode is 1023; it must be 0 to 511"),
    (.init(claimTimeout: .zero), "claim-timeout must be more than nothing and less than a day"),
  ]

  @Test(arguments: impossible.indices)
  func geometriesAreRefused(index: Int) {
    let (configuration, sentence) = Self.impossible[index]
    let name = TestSpace.busName("refused")
    defer { TestSpace.clear(name) }
    let error = busError { _ = try Bus.create(name, configuration) }
    #expect(error?.code == .usage)
    #expect(error?.message == sentence)
    #expect(TestSpace.segments(of: name) == [])
  }
}

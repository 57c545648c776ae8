import CShmBus
import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// Changes bytes of a segment as somebody with a hex editor would.
func damage(
  _ segment: String, at offset: Int, _ bytes: [UInt8]
) throws {
  let memory = try SharedMemory.open("/" + segment, writable: true)
  let written = unsafe pwrite(memory.descriptor.number, bytes, bytes.count, offset)
  #expect(written == bytes.count)
}

private func little(_ value: UInt64) -> [UInt8] {
  unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
}
private func little(_ value: UInt32) -> [UInt8] {
  unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
}

@Suite struct DamageTests {
  private static let controlFaults: [(what: String, offset: Int, bytes: [UInt8], found: String)] = [
    ("magic", 0, little(0x1234 as UInt64), "4660"),
    ("layout version", 8, little(99 as UInt32), "99"),
    ("state", 24, little(77 as UInt64), "77"),
    ("generation", 16, little(0 as UInt64), "0"),
    ("size", 96, little(4096 as UInt64), "4096"),
    ("geometry", 128, little(100 as UInt64), "slots 100"),
    ("geometry", 136, little(63 as UInt32), "slot-size is 63"),
    ("geometry", 140, little(0 as UInt32), "max-partitions is 0"),
    ("geometry", 184, little(9999 as UInt64), "partitions is 9999"),
    ("geometry", 128, little(UInt64.max), "slots"),
    ("geometry", 168, little(UInt64.max), "claim-timeout"),
    ("geometry", 144, little(129 as UInt32), "table"),
    ("geometry", 164, little(7 as UInt32), "when-full 7"),
  ]

  @Test(arguments: controlFaults.indices)
  func aControlSegmentThatIsNotWhatItShouldBeIsRefused(index: Int) throws {
    let fault = Self.controlFaults[index]
    try withBus { bus in
      try damage("shmbus-\(TestSpace.namespace).\(bus.name).control", at: fault.offset, fault.bytes)
      let error = busError { _ = try Bus.open(bus.name) }
      #expect(error?.code == .damaged)
      let message = error?.message ?? ""
      #expect(message.contains("wrong \(fault.what): found"), "\(message)")
      #expect(message.contains(fault.found) && message.contains("expected"), "\(message)")
      // Nobody needs rm: it can be removed by force.
      #expect(busError { try Bus.remove(bus.name) } != nil)
      try Bus.remove(bus.name, force: true)
      #expect(TestSpace.segments(of: bus.name) == [])
      _ = try Bus.create(bus.name, bus.configuration)
    }
  }

  private static let partitionFaults: [(what: String, offset: Int, bytes: [UInt8])] = [
    ("magic", 0, little(0x1234 as UInt64)),
    ("layout version", 8, little(2 as UInt32)),
    ("generation", 16, little(5 as UInt64)),
    ("geometry", 24, little(1 as UInt32)),
    ("geometry", 32, little(128 as UInt64)),
    ("geometry", 40, little(128 as UInt32)),
    ("geometry", 44, little(1 as UInt32)),
    ("geometry", 48, little(1 as UInt32)),
  ]

  @Test(arguments: partitionFaults.indices)
  func aPartitionThatIsNotThisBusesIsRefused(index: Int) throws {
    let fault = Self.partitionFaults[index]
    try withBus { bus in
      try damage("shmbus-\(TestSpace.namespace).\(bus.name).p0", at: fault.offset, fault.bytes)
      for error in [
        busError { _ = try bus.publisher() }, busError { _ = try bus.subscriber() },
        busError { _ = try bus.observer() },
      ] {
        #expect(error?.code == .damaged)
        let message = error?.message ?? ""
        #expect(message.contains("wrong \(fault.what): found"), "\(message)")
        #expect(message.contains("expected"), "\(message)")
      }
      try Bus.remove(bus.name)
    }
  }

  @Test func aPartitionOfAnotherSizeOrGoneIsRefused() throws {
    try withBus { bus in
      let segment = "shmbus-\(TestSpace.namespace).\(bus.name).p0"
      #expect(unsafe truncate("/dev/shm/" + segment, 8192) == 0)
      let error = busError { _ = try bus.subscriber() }
      #expect(error?.code == .damaged)
      #expect(error?.message.contains("found 8192, expected") == true)
      unsafe shm_unlink("/" + segment)
      #expect(busError { _ = try bus.publisher() }?.code == .damaged)
      try Bus.remove(bus.name)
    }
  }

  @Test func aPartitionOfAnEarlierCreationIsRefused() throws {
    try withBus { bus in
      let segment = "shmbus-\(TestSpace.namespace).\(bus.name).p0"
      let old = "/dev/shm/" + segment
      #expect(unsafe rename(old, old + ".old") == 0)
      TestSpace.clear(bus.name.appending("-none"))
      try SharedMemoryCopy.keep(old + ".old") {
        try Bus.remove(bus.name)
        let anew = try Bus.create(bus.name, bus.configuration)
        #expect(unsafe rename($0, old) == 0)
        let error = busError { _ = try anew.publisher() }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains("wrong generation") == true)
      }
    }
  }

  /// Somebody else's bus: the error says whose it is and who asks.
  @Test(.enabled(if: geteuid() == 0))
  func withoutPermissionTheOwnerIsNamed() throws {
    try withBus { bus in
      let actor = try Actor(["open", "bus=\(bus.name)", "uid=65534"])
      let line = try actor.line() ?? ""
      #expect(actor.wait() == 77, "\(line)")
      #expect(line.contains("uid 0") && line.contains("0600") && line.contains("65534"), "\(line)")
    }
  }
}

/// A file moved out of the way of a removal.
private enum SharedMemoryCopy {
  static func keep(_ path: String, _ body: (String) throws -> Void) throws {
    let aside = "/dev/shm/shmbus-\(TestSpace.namespace).aside-\(UInt64.random(in: 0 ... .max))"
    #expect(unsafe rename(path, aside) == 0)
    defer { unsafe _ = unlink(aside) }
    try body(aside)
  }
}

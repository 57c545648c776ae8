import Glibc
import TestSupport
import Testing

@testable import ShmBus

@Suite struct CheckpointTests {
  private func sample(_ bus: Bus) throws -> Checkpoint {
    let rings = try (0..<bus.partitions).map { try bus.segment($0, writable: false) }
    defer { withExtendedLifetime(rings) {} }
    return Checkpoint.capture(
      bus.map, rings: rings.map(\.ring), generation: bus.generation, number: 7)
  }

  @Test func itDecodesToWhatWasEncoded() throws {
    try withKeptBus { bus, _ in
      try bus.createGroup(.group("one"))
      try bus.createGroup(.group("two"))
      let publisher = try bus.publisher()
      for _ in 0..<100 { try publisher.publish([1, 2, 3]) }
      let checkpoint = try sample(bus)
      let decoded = try Checkpoint(decoding: checkpoint.image.encoded(), named: "x")
      #expect(decoded == checkpoint)
      #expect(decoded.image.groups.count == 2)
      #expect(decoded.configuration.slots == 64)
      #expect(decoded.configuration.stateDirectory == bus.configuration.stateDirectory)
    }
  }

  /// No byte of it can change, and no byte be missing, without being noticed.
  @Test func everyByteIsCovered() throws {
    try withKeptBus { bus, _ in
      let bytes = try sample(bus).image.encoded()
      for place in bytes.indices {
        var changed = bytes
        changed[place] ^= 1 << UInt8(place & 7)
        #expect(throws: CheckpointFault.self, "byte \(place)") {
          try Checkpoint(decoding: changed, named: "x")
        }
        #expect(throws: CheckpointFault.self, "cut at \(place)") {
          try Checkpoint(decoding: Array(bytes[..<place]), named: "x")
        }
      }
    }
  }

  /// A host that dies while a copy is written leaves any mixture of old and new in it: at every length, one
  /// whole copy is left, and it is the newest that was synced.
  @Test func aTornWriteLeavesTheOtherCopy() throws {
    try withKeptBus { bus, _ in
      let place = try #require(bus.statePlace)
      let paths = CheckpointFiles.names.map { place.path + "/" + $0 }
      let before = paths.map { bytes(of: $0) }
      let newest = try #require(try files(place).newest?.number)
      let publisher = try bus.publisher()
      for _ in 0..<40 { try publisher.publish([1]) }
      let next = try sample(bus)
      let new = next.image.encoded()
      let target = before.firstIndex {
        (try? Checkpoint(decoding: $0, named: "x"))?.number != newest
      }
      let old = before[try #require(target)]
      for length in 0...new.count {
        let torn = Array(new[..<length]) + (length < old.count ? old[length...] : [])
        write(torn, to: paths[try #require(target)])
        let found = try #require(try files(place).newest, "torn at \(length)")
        #expect(found.number == newest || found == next, "torn at \(length)")
      }
    }
  }

  private func files(_ place: StatePlace) throws -> CheckpointFiles {
    try CheckpointFiles(place.path)
  }

  @Test func aFolderBelongsToOne() throws {
    try withKeptBus { bus, _ in
      let place = try #require(bus.statePlace)
      let first = try files(place)
      defer { withExtendedLifetime(first) {} }
      #expect(throws: SystemError(call: "flock", subject: place.path, code: EBUSY)) {
        _ = try files(place)
      }
    }
  }

  @Test func theStateOfAnotherBusIsLeftAlone() throws {
    try withKeptBus { other, directory in
      let place = try #require(other.statePlace)
      let kept = CheckpointFiles.names.map { bytes(of: place.path + "/" + $0) }
      loseMemory(of: other.name)
      // Created while the state could not be seen.
      unsafe _ = rename(place.path, place.path + "-hidden")
      let bus = try Bus.create(
        other.name, BusConfiguration(slots: 64, slotSize: 64, stateDirectory: .path(directory)),
        keepsHouse: false)
      try place.remove()
      unsafe _ = rename(place.path + "-hidden", place.path)
      let error = #expect(throws: BusError.self) { try bus.checkpoint() }
      #expect(error?.message.contains("another bus") == true)
      #expect(CheckpointFiles.names.map { bytes(of: place.path + "/" + $0) } == kept)
      #expect(bus.state.failure != nil)
    }
  }
}

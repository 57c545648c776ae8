import Glibc
import TestSupport
import Testing

@testable import ShmBus

@Suite struct HousekeeperTests {
  private static let quick = BusConfiguration(
    slots: 64, slotSize: 64, claimTimeout: .milliseconds(100), checkpointEvery: .milliseconds(20))

  @Test func changesAreWrittenAndIdlenessIsNot() throws {
    try withKeptBus(Self.quick) { bus, _ in
      bus.keepHouse(startsAfter: 0, always: true)
      #expect(eventually { bus.state.keeper == Int(getpid()) })
      let before = bus.state.checkpointNumber
      let publisher = try bus.publisher()
      try publisher.publish("x")
      #expect(eventually { bus.state.checkpointNumber > before })
      // Both copies say the same then, and nothing is written any more.
      var last = bus.state.checkpointNumber
      #expect(
        eventually {
          let time = bus.state.checkpointTime
          guard eventually({ bus.state.checkpointTime > time + 100_000_000 }) else { return false }
          defer { last = bus.state.checkpointNumber }
          return bus.state.checkpointNumber == last
        })
    }
  }

  @Test func thePlaceMayFailAndHeals() throws {
    try withKeptBus(Self.quick) { bus, _ in
      bus.keepHouse(startsAfter: 0, always: true)
      let place = try #require(bus.statePlace)
      let copies = CheckpointFiles.names.map { place.path + "/" + $0 }
      #expect(eventually { bus.state.keeper != nil && areWhole(place) })
      try place.remove()
      #expect(eventually { areWhole(place) }, "deleted")
      spoil(copies[0], at: 400)
      #expect(eventually { areWhole(place) }, "damaged")
      // Not a folder any more.
      unsafe _ = rename(place.path, place.path + "-away")
      write([1], to: place.path)
      #expect(eventually { bus.state.failure != nil })
      #expect(try Doctor.examine(bus.name).contains { $0.fault == .stateNotKept })
      let publisher = try bus.publisher()
      for _ in 0..<500 { try publisher.publish("goes on") }
      unsafe _ = unlink(place.path)
      unsafe _ = rename(place.path + "-away", place.path)
      #expect(eventually { bus.state.failure == nil && areWhole(place) }, "back again")
    }
  }

  /// A ceiling that comes near is raised by whoever keeps house, and nobody waits; without anybody the bus
  /// runs on, and says so.
  @Test func theCeilingIsRaisedBeforeAnybodyGetsThere() throws {
    try withKeptBus(Self.quick) { bus, _ in
      let row = bus.map.partition(0)
      let publisher = try bus.publisher()
      row.ceiling.storeRelease(100)
      for _ in 0..<150 { try publisher.publish("x", timeout: .seconds(5)) }
      #expect(bus.state.uncovered == [0], "nobody keeps house: overdrawn")
      try bus.checkpoint()
      #expect(bus.state.uncovered.isEmpty)
      bus.keepHouse(startsAfter: 0, always: true)
      #expect(eventually { bus.state.keeper != nil })
      row.ceiling.storeRelease(300)
      for _ in 0..<500 { try publisher.publish("x", timeout: .seconds(5)) }
      #expect(eventually { bus.state.uncovered.isEmpty })
      #expect(row.ceiling.loadAcquire() >= 1 << 30)
    }
  }

  /// Its death is noticed within a second, and its stop holds up nobody.
  @Test func anotherTakesOverFromTheDeadAndNobodyWaitsForTheStopped() throws {
    try withKeptBus(Self.quick) { bus, _ in
      let keeper = try Actor(["keep", "bus=\(bus.name)"])
      #expect(try keeper.line() == "ready")
      #expect(eventually { bus.state.keeper == Int(keeper.pid) })
      keeper.kill(SIGSTOP)
      let publisher = try bus.publisher()
      // Twice what the ceiling allows, in a stopped housekeeper's time.
      bus.map.partition(0).ceiling.storeRelease(1_000)
      for _ in 0..<2_000 { try publisher.publish("x", timeout: .seconds(20)) }
      bus.keepHouse(startsAfter: 0, always: true)
      #expect(bus.state.keeper == Int(keeper.pid))
      keeper.kill(SIGKILL)
      keeper.wait()
      let death = Clock.monotonic()
      #expect(eventually { bus.state.keeper == Int(getpid()) })
      print("taken over \((Clock.monotonic() - death) / 1_000_000) ms after its holder's death")
      #expect(eventually { bus.state.uncovered.isEmpty && bus.state.failure == nil })
    }
  }

  /// Killed at any moment of a checkpoint, it leaves one whole copy, and the bus comes back from it.
  @Test func aKilledWriterLeavesAWholeCopy() throws {
    var seed = Seed.announced("aKilledWriterLeavesAWholeCopy")
    try withKeptBus(Self.quick) { bus, _ in
      let place = try #require(bus.statePlace)
      for turn in 0..<20 {
        let writer = try Actor(["checkpoint", "bus=\(bus.name)"])
        #expect(try writer.line() == "ready")
        let number = bus.state.checkpointNumber
        let more = UInt64.random(in: 0...20, using: &seed)
        #expect(eventually { bus.state.checkpointNumber >= number + more })
        writer.kill()
        writer.wait()
        let newest = try #require(try CheckpointFiles(place.path).newest, "turn \(turn)")
        #expect(newest.number >= bus.state.checkpointNumber)
        try bus.checkpoint()
      }
    }
  }

  @Test func theDeadAreSwept() throws {
    try withKeptBus(Self.quick) { bus, _ in
      let holder = try Actor(["loan", "bus=\(bus.name)"])
      #expect(try holder.line()?.hasPrefix("loan") == true)
      holder.kill()
      holder.wait()
      #expect(try bus.status().endpoints.map(\.state) == [.dead])
      bus.keepHouse(startsAfter: 0, always: true)
      #expect(try eventually { try bus.status().endpoints.isEmpty })
    }
  }
}

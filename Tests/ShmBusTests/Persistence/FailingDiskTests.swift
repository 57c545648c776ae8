import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// What a disk that fails does to a bus whose state it keeps: nothing, but that `stat` and `doctor` say so.
@Suite(.enabled(if: LoopDisk.isAllowed, "mounting a disk of one's own is refused here"))
struct FailingDiskTests {
  private let disk: LoopDisk
  private let bus: Bus
  private let name = TestSpace.busName("disk")

  init() throws {
    disk = try LoopDisk()
    bus = try Bus.create(
      name,
      BusConfiguration(
        slots: 4096, slotSize: 64, whenFull: .overwrite,
        stateDirectory: .path(disk.directory + "/state"), checkpointEvery: .milliseconds(20)),
      keepsHouse: false)
    bus.keepHouse(startsAfter: 0, always: true)
    holds(eventually { bus.state.keeper != nil && isKept })
  }

  private var isKept: Bool { bus.statePlace.map(areWhole) == true }

  @Test func aFullDiskIsSaidAndHeals() throws {
    defer { TestSpace.clear(name) }
    try disk.now(.fill)
    // More than its files have room for.
    for number in 0..<32 { try bus.createGroup(.group("g\(number)"), from: .latest) }
    #expect(eventually { bus.state.failure?.contains("No space left") == true })
    #expect(try Doctor.examine(name).contains { $0.fault == .stateNotKept })
    for _ in 0..<10_000 { try bus.publisher().publish("goes on") }
    try disk.now(.empty)
    #expect(eventually { bus.state.failure == nil && isKept })
  }

  @Test func aReadOnlyDiskIsSaidAndHeals() throws {
    defer { TestSpace.clear(name) }
    try disk.now(.protect)
    try bus.publisher().publish("x")
    #expect(eventually { bus.state.failure?.contains("Read-only") == true })
    #expect(try Doctor.examine(name).contains { $0.fault == .stateNotKept })
    for _ in 0..<1_000 { try bus.publisher().publish("goes on") }
    try disk.now(.unprotect)
    #expect(eventually { bus.state.failure == nil && isKept })
  }

  /// Prints how long publishing takes meanwhile.
  @Test func nobodyWaitsForADiskThatStalls() throws {
    defer { TestSpace.clear(name) }
    let publisher = try bus.publisher()
    _ = try times(publisher)
    let before = try times(publisher)
    try disk.now(.freeze)
    let number = bus.state.checkpointNumber
    let stalled = try times(publisher)
    // One may have been written before the disk stood still, and was counted after.
    #expect(bus.state.checkpointNumber <= number + 1)
    try disk.now(.thaw)
    #expect(eventually { bus.state.checkpointNumber > number + 1 && bus.state.failure == nil })
    print("publish, in ns: \(before) while the disk works, \(stalled) while it stalls")
  }

  private func times(_ publisher: borrowing Publisher) throws -> String {
    var times: [UInt64] = []
    times.reserveCapacity(200_000)
    for _ in 0..<200_000 {
      let start = Clock.monotonic()
      try publisher.publish([1])
      times.append(Clock.monotonic() - start)
    }
    times.sort()
    return "p50 \(times[100_000]), p99.9 \(times[199_800]), worst \(times[199_999])"
  }
}

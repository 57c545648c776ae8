import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// Processes whose clocks do not agree. That a wall clock which is set does no harm to timestamps is shown
/// with clocks of the test's own, in `ClockTests`.
@Suite(.serialized) struct OtherClockTests {
  /// Nothing in a segment depends on when a process's monotonic clock began: a reader whose clock is eleven
  /// days ahead sleeps, is woken, waits for a dead claim, and takes a silent one out of use.
  @Test(.enabled(if: mayShiftClocks), arguments: ["+1000000", "-1000"])
  func aShiftedMonotonicClockChangesNothing(shift: String) throws {
    let configuration = BusConfiguration(
      slots: 64, slotSize: 64, claimTimeout: .milliseconds(200))
    try withBus(configuration, "clock") { bus in
      let reader = try Actor(
        command: ["unshare", "--time", "--monotonic", shift, Actor.path]
          + ["subscribe", "bus=\(bus.name)", "wait=sleep"])
      #expect(try reader.line() == "ready")
      let publisher = try bus.publisher()
      for number in 0..<3 {
        try publisher.publish(Pattern.bytes(1, number, count: 16))
        #expect(try reader.line() == "0 \(number) 16 1 \(number) whole")
      }
      let dead = try Actor(["loan", "bus=\(bus.name)"])
      #expect(try dead.line() == "loan 3")
      try publisher.publish(Pattern.bytes(1, 3, count: 16))
      dead.kill()
      #expect(try reader.line() == "0 4 16 1 3 whole")
      let stopped = try Holder(bus, "loans", 1, bytes: 16)
      stopped.stop()
      try publisher.publish(Pattern.bytes(1, 4, count: 16))
      #expect(try reader.line() == "0 6 16 1 4 whole")
      stopped.goOn()
      #expect(try stopped.verdicts() == ["fenced 5"])
      let endpoints = try bus.status().endpoints
      #expect(endpoints.filter { $0.role == .subscriber }.map(\.state) == [.alive])
    }
  }

  /// The wall clock goes back below a heartbeat, or far ahead of it: an idle endpoint is not called stalled, and
  /// nobody alive is taken for dead.
  @Test func heartbeatsOfAnotherTimeConvictNobody() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      let loan = try publisher.loan(byteCount: 1)
      for heartbeat in [UInt64.max, Clock.realtime() + 1 << 50] {
        bus.map.endpoint(0).heartbeat.storeRelaxed(heartbeat)
        #expect(try bus.status().endpoints.map(\.state) == [.alive])
      }
      bus.map.endpoint(0).heartbeat.storeRelaxed(0)
      #expect(try bus.status().endpoints.map(\.state) == [.stalled])
      try loan.publish()
      #expect(try bus.status().endpoints.map(\.state) == [.alive])
    }
  }
}

/// Whether the test may start processes in a time namespace of their own.
let mayShiftClocks: Bool =
  geteuid() == 0 && runs(["unshare", "--time", "--monotonic", "1000", "true"])

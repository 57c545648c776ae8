import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// When there is no way round slots that are out of use, the error says whose they are.
@Suite(.serialized) struct FullTableTests {
  @Test func aFullTableNamesTheOwner() throws {
    try withBus(impatient(slots: 256, timeout: .milliseconds(50))) { bus in
      let holders = [
        try Holder(bus, "loans", 40, bytes: 40), try Holder(bus, "loans", 40, bytes: 40),
      ]
      for holder in holders { holder.stop() }
      let stream = try bus.stream()
      var found: PublishError.Holdup?
      // On a busy machine one timeout is too short for all of them.
      holds(
        eventually {
          found = publishUntilHeld(stream.publisher)
          return bus.quarantined.rows == 64
        })
      let holdup = try #require(found)
      #expect(holdup.kind == .publisher)
      #expect(holders.map { Int($0.actor.pid) }.contains(holdup.pid))
      #expect(bus.quarantined == (64, true))
      for holder in holders { holder.kill() }
      for _ in 0..<1200 {
        try stream.publisher.publish(Pattern.bytes(1, 0, count: 40), timeout: .seconds(20))
      }
      #expect(bus.quarantined == (0, false))
    }
  }

  @Test(arguments: StoppedTests.modes)
  func gapsThatAreAllTooShortNameTheOwner(_ mode: BusConfiguration.WhenFull) throws {
    try withBus(impatient(mode, timeout: .milliseconds(50))) { bus in
      let holder = try Holder(bus, "loans", 16, bytes: 40, gap: 3)
      holder.stop()
      let stream = try bus.stream()
      // Three slots fit between two of them, four do not.
      for number in 0..<100 { try stream.publisher.publish(Pattern.bytes(1, number, count: 192)) }
      let end = stream.ring.end
      let found = publishUntilHeld(stream.publisher, count: 193)
      let holdup = try #require(found)
      #expect(holdup.kind == .publisher && holdup.pid == Int(holder.actor.pid))
      #expect(stream.ring.end - end <= 64, "it padded round the ring")
      holder.goOn()
      #expect(try holder.verdicts().allSatisfy { $0.hasPrefix("fenced") })
      try stream.publisher.publish(Pattern.bytes(1, 0, count: 193), timeout: .seconds(20))
    }
  }

  /// Short timeouts add up: a stopped owner is found although no call waits for as long as it may.
  @Test func manyShortTimeoutsFindAStoppedOwner() throws {
    try withBus(impatient(.overwrite)) { bus in
      let holder = try Holder(bus, "loans", 1, bytes: 40)
      holder.stop()
      let stream = try bus.stream()
      let wentOn = eventually {
        while (try? stream.publisher.publish([1], timeout: .milliseconds(20))) != nil {
          if stream.ring.end > 200 { return true }
        }
        return false
      }
      #expect(wentOn)
    }
  }

  private func publishUntilHeld(
    _ publisher: borrowing Publisher, count: Int = 40
  ) -> PublishError.Holdup? {
    for number in 0..<2000 {
      do {
        try publisher.publish(Pattern.bytes(1, number, count: count), timeout: .milliseconds(500))
      } catch {
        if case .full(let holdup) = error { return holdup }
        return nil
      }
    }
    return nil
  }
}

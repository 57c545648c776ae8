import CShmBus
import Glibc
import TestSupport
import Testing

@testable import ShmBus

@Suite struct InspectionTests {
  @Test func aLiveBusIsShownAsItIs() throws {
    try withBusyBus { bus, publisher in
      let subscriber = try bus.subscriber(from: .earliest)
      let loan = try publisher.loan(byteCount: 100)
      let report = try bus.inspected()
      #expect(report.findings == [])
      let control = try #require(report.control)
      #expect(control.name == bus.name && control.generation == bus.generation)
      #expect(control.endpoints.map(\.role) == [.publisher, .subscriber])
      #expect(control.endpoints.map(\.state) == [.alive, .alive])
      #expect(control.endpoints.allSatisfy { $0.pid == UInt32(getpid()) })
      let ring = try #require(report.ring)
      #expect(ring.cursor == loan.offset + 2 && ring.claims.open == 1)
      #expect(ring.claims.paddings == 1)
      #expect(ring.holder == .subscriberRow(subscriber.core.row))
      // From the oldest to the cursor without a gap.
      #expect(ring.runs.first?.start == ring.oldest && ring.runs.last?.end == ring.cursor)
      for (run, next) in zip(ring.runs, ring.runs.dropFirst()) { #expect(run.end == next.start) }
      #expect(ring.runs.last?.state == .open)
      let last = try #require(ring.slots.last { $0.state == .message })
      #expect(String(decoding: last.payload, as: UTF8.self) == "the last")
      #expect(last.isChecksumRight == true)
      let keyed = try #require(ring.slots.first { !$0.key.isEmpty })
      #expect(String(decoding: keyed.key, as: UTF8.self).hasPrefix("key "))
      #expect(ring.slots.contains { $0.isInsideBatch })
      #expect(ring.index.contains { $0.standing == .right })
      _ = try loan.publish()
    }
  }

  @Test func theStatusOfTheLibraryAgrees() throws {
    try withBusyBus { bus, _ in
      var subscriber = try bus.subscriber(from: .earliest)
      for _ in 0..<40 { _ = try subscriber.text() }
      let status = try bus.status().partitions[0]
      let ring = try #require(try bus.inspected().ring)
      #expect(ring.cursor == status.cursor && ring.oldest == status.oldest)
      #expect(ring.gate == status.gate)
    }
  }

  @Test func aDeadPublishersClaimIsOpenAndNoDamage() throws {
    try withBus { bus in
      let actor = try Actor(["loan", "bus=\(bus.name)", "length=64"])
      #expect(try actor.line()?.hasPrefix("loan ") == true)
      #expect(try bus.inspected().control?.endpoints.first?.state == .alive)
      actor.kill()
      actor.wait()
      let report = try bus.inspected()
      #expect(report.damages == [])
      #expect(report.control?.endpoints.map(\.state) == [.dead])
      #expect(report.ring?.claims.open == 1)
      #expect(report.ring?.holder == .publisherRow(0))
    }
  }

  @Test func slotsOutOfUseAreNoDamage() throws {
    let configuration = BusConfiguration(
      slots: 64, slotSize: 64, claimTimeout: .milliseconds(50), indexSpacing: 16)
    try withBus(configuration) { bus in
      let slow = try bus.publisher()
      let quick = try bus.publisher()
      let loan = try slow.loan(byteCount: 200)
      // Three laps, over a claim whose owner lives and does nothing.
      for number in 0..<200 {
        try quick.publish(Pattern.bytes(1, number, count: 40), timeout: .seconds(20))
      }
      let report = try bus.inspected()
      #expect(report.damages == [])
      #expect(report.control?.quarantine.map(\.verdict) == ["final"])
      #expect(report.control?.quarantine.first?.publisher == 0)
      #expect(report.ring?.runs.filter { $0.state == .quarantined }.map(\.count) == [4])
      #expect(report.ring?.slots.first { $0.state == .quarantined }?.span == 4)
      #expect(try Copies(of: bus).inspected().damages == [])
      var error: PublishError?
      do throws(PublishError) { _ = try loan.publish() } catch let cause { error = cause }
      #expect(error == .fenced)
      #expect(try bus.inspected().damages == [])
    }
  }

  @Test func copiesSayTheSameButNotWhoLives() throws {
    try withBusyBus { bus, _ in
      let live = try bus.inspected()
      let copy = try Copies(of: bus).inspected()
      #expect(copy.damages == [] && copy.name == bus.name)
      #expect(copy.control?.endpoints.map(\.state) == [nil])
      #expect(copy.ring?.runs == live.ring?.runs && copy.ring?.claims == live.ring?.claims)
      #expect(copy.ring?.slots.map(\.payload) == live.ring?.slots.map(\.payload))
    }
  }

  @Test func eitherSegmentAloneWillDo() throws {
    try withBusyBus { bus, _ in
      let segments = try Copies(of: bus).segments
      let control = Inspection.report(of: [segments[0]], named: "x", .thorough)
      #expect(control.damages == [] && control.control?.endpoints.count == 1)
      let partition = Inspection.report(of: [segments[1]], named: "x", .thorough)
      #expect(partition.damages == [] && partition.control == nil)
      #expect(partition.ring?.gate == nil)
      #expect((partition.ring?.claims.messages ?? 0) > 50)
    }
  }

  @Test func lookingLeavesNoTrace() throws {
    try withBusyBus { bus, _ in
      let before = try Copies(of: bus)
      for _ in 0..<3 { _ = try bus.inspected() }
      let after = try Copies(of: bus)
      #expect(before.control == after.control && before.partitions == after.partitions)
    }
  }

  @Test func onlyTheMessagesAskedForAreDecoded() throws {
    try withBusyBus { bus, _ in
      let all = try #require(try bus.inspected().ring)
      let some = try #require(
        try bus.inspected(
          InspectionOptions(offsets: all.slots[10].offset...all.slots[19].offset)
        ).ring)
      #expect(some.slots.map(\.offset) == all.slots[10...19].map(\.offset))
      #expect(some.slots.allSatisfy { $0.payload.isEmpty })
      let newest = try #require(try bus.inspected(InspectionOptions(newest: 3)).ring)
      #expect(newest.slots.map(\.offset) == all.slots.suffix(3).map(\.offset))
      #expect(newest.slotsOmitted == all.slots.count - 3)
    }
  }

  @Test func aBusInFullFlightIsInOrder() throws {
    for policy in [BusConfiguration.WhenFull.block, .overwrite] {
      let configuration = BusConfiguration(
        slots: 128, slotSize: 64, whenFull: policy, indexSpacing: 16, checksum: true)
      try withBus(configuration, "flight") { bus in
        let stop = Shared(false)
        let name = bus.name
        let writers = (0..<2).map { writer in
          Thread {
            guard let publisher = try? Bus.open(name).publisher() else { return }
            var number = 0
            while !stop.value {
              _ = try? publisher.publish(Pattern.bytes(writer, number, count: number % 300))
              if number % 7 == 0 {
                _ = try? publisher.publish(batch: [[1], [2, 3], Pattern.bytes(9, 9, count: 90)])
              }
              number += 1
            }
          }
        }
        var found: [String] = []
        for _ in 0..<60 { found += try bus.inspected().damages }
        stop.change { $0 = true }
        for writer in writers { writer.join() }
        #expect(found == [], "\(policy)")
        #expect(try bus.inspected().damages == [])
      }
    }
  }
}

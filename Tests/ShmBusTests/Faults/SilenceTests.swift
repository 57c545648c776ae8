import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// What is told of those who live and do nothing.
@Suite(.serialized) struct SilenceTests {
  static let configuration = BusConfiguration(
    slots: 64, slotSize: 64, claimTimeout: .milliseconds(200))

  /// A stopped subscriber holds publishers for as long as it lives, and everybody says who it is.
  @Test func aStoppedSubscriberIsNamedAndWaitedFor() throws {
    try withBus(Self.configuration, "stopped") { bus in
      let reader = try Actor(["subscribe", "bus=\(bus.name)"])
      #expect(try reader.line() == "ready")
      let publisher = try bus.publisher()
      try publisher.publish(Pattern.bytes(1, 1, count: 16))
      _ = try reader.line()
      reader.kill(SIGSTOP)
      #expect(eventually { KernelFile.state(of: reader.pid) == "T" })
      let full = publishError { for _ in 0..<80 { try publisher.publish("x", timeout: .zero) } }
      guard case .full(let holdup) = full else {
        Issue.record("nobody held the ring: \(String(describing: full))")
        return
      }
      #expect(holdup.kind == .subscriber && holdup.pid == Int(reader.pid) && holdup.offset <= 1)
      #expect(holdup.behind >= 63)
      #expect(try eventually { try state(of: reader, on: bus) == .stalled })
      guard case .full(let late) = publishError({ try publisher.publish("x", timeout: .zero) })
      else { return }
      #expect(late.silence >= .milliseconds(200))
      let found = try Doctor.examine(bus.name).first { $0.fault == .fullRing }
      let evidence = found?.evidence ?? ""
      #expect(evidence.contains("pid \(reader.pid)") && evidence.contains("stopped by a signal"))
      #expect(evidence.contains("offset \(late.offset)") && evidence.contains("has called its bus"))
      reader.kill(SIGCONT)
      try publisher.publish("goes on", timeout: patience)
      #expect(try eventually { try state(of: reader, on: bus) == .alive })
    }
  }

  /// Who waits for messages calls: it is alive for hours without one. Who does not ask is not.
  @Test func aWaitingSubscriberIsAliveAndOneThatDoesNotAskIsNot() throws {
    try withBus(Self.configuration, "silent") { bus in
      let waiting = try Actor(["subscribe", "bus=\(bus.name)", "wait=sleep"])
      let observing = try Actor(["subscribe", "bus=\(bus.name)", "role=observer"])
      let parked = try Actor(["hold", "bus=\(bus.name)"])
      for actor in [waiting, observing, parked] { #expect(try actor.line() == "ready") }
      #expect(try bus.status().endpoints.allSatisfy { $0.state != .dead })
      let publisher = try bus.publisher()
      try publisher.publish(Pattern.bytes(1, 1, count: 16))
      #expect(try eventually { try state(of: parked, on: bus) == .stalled })
      #expect(try state(of: waiting, on: bus) == .alive)
      #expect(try state(of: observing, on: bus) == .alive)
      parked.kill()
      parked.wait()
      #expect(try state(of: parked, on: bus) == .dead)
    }
  }

  /// A reader that always finds messages never waits, and is heard of all the same.
  @Test(arguments: [("subscriber", false), ("subscriber", true), ("observer", false)])
  func aBusySubscriberIsHeardOf(role: String, commits: Bool) throws {
    try withBus(BusConfiguration(slots: 256, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      var subscriber = role == "observer" ? try bus.observer() : try bus.subscriber()
      let heartbeat = bus.map.endpoint(bus.configuration.maxPublishers).heartbeat
      for number in 0..<256 { try publisher.publish("\(number)") }
      var beats: Set<UInt64> = []
      for _ in 0..<256 {
        heartbeat.storeRelaxed(0)
        if var message = try subscriber.next(timeout: patience), commits {
          try message.commit()
        }
        beats.insert(heartbeat.loadRelaxed())
      }
      #expect(beats.contains { $0 != 0 })
    }
  }

  /// An open claim that is not what holds the ring is shown, too.
  @Test func everyOpenClaimOfASilentPublisherShows() throws {
    try withBus(Self.configuration, "claims") { bus in
      let subscriber = try bus.subscriber()
      let other = try bus.publisher()
      try other.publish("held by the subscriber")
      let holder = try Holder(bus, "loans", 1, bytes: 20)
      #expect(
        try eventually {
          try bus.status().endpoints.first { $0.pid == Int(holder.actor.pid) }?.state == .stalled
        })
      let status = try bus.status()
      #expect(status.partitions[0].holder == .subscriber(row: bus.configuration.maxPublishers))
      #expect(status.endpoints.first { $0.row == 0 }?.state == .alive, "idle, and nobody waits")
      _ = consume subscriber
    }
  }

  private func state(of actor: Actor, on bus: Bus) throws -> BusStatus.Endpoint.Liveness? {
    try bus.status().endpoints.first { $0.pid == Int(actor.pid) }?.state
  }
}

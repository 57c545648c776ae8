import CShmBus
import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// Every fault is made for real, then diagnosed, then mended or removed.
@Suite struct DoctorTests {
  /// What is said of a bus; the host is another matter.
  private func faults(_ name: String) throws -> [Diagnosis] {
    try Doctor.examine(name).filter { $0.subject != "host" && $0.subject != "/dev/shm" }
  }

  private func path(_ name: String, _ part: String) -> String {
    "/dev/shm/shmbus-\(TestSpace.namespace).\(name).\(part)"
  }

  private func segment(_ name: String, _ part: String) -> String {
    "shmbus-\(TestSpace.namespace).\(name).\(part)"
  }

  /// The only fault there is, checked for what every fault must have.
  private func only(_ name: String, _ fault: Diagnosis.Fault) throws -> Diagnosis {
    let found = try faults(name)
    #expect(found.map(\.fault) == [fault], "\(found)")
    let diagnosis = try #require(found.first)
    for sentence in [diagnosis.finding, diagnosis.evidence, diagnosis.fix] {
      #expect(sentence.count > 10 && !sentence.hasSuffix("."), "\(sentence)")
    }
    return diagnosis
  }

  @Test func aHealthyBusHasNoFaults() throws {
    try withBus(BusConfiguration(partitions: 3, slots: 64, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      try publisher.publish("well", partition: 2)
      #expect(try subscriber.text() == "well")
      #expect(try faults(bus.name) == [])
    }
    #expect(busError { _ = try Doctor.examine("nosuch") }?.code == .notFound)
    #expect(busError { _ = try Doctor.examine("no such") }?.code == .usage)
  }

  // ------------------------------------------------------------------------------- leftovers

  @Test func halfCreatedIsClearedAway() throws {
    let name = TestSpace.busName("half")
    defer { TestSpace.clear(name) }
    _ = try SharedMemory.create("/" + segment(name, "control"))
    let empty = try only(name, .halfCreated)
    #expect(empty.severity == .transient && empty.isRepairable)
    try empty.repair()
    #expect(TestSpace.segments(of: name) == [])

    _ = try Bus.create(name, BusConfiguration(partitions: 2, slots: 64, slotSize: 64))
    try damage(segment(name, "control"), at: 24, [0])
    try only(name, .halfCreated).repair()
    #expect(TestSpace.segments(of: name) == [])
  }

  @Test func halfRemovedIsClearedAway() throws {
    try withBus { bus in
      try damage(segment(bus.name, "control"), at: 24, [2])
      try only(bus.name, .halfRemoved).repair()
      #expect(TestSpace.segments(of: bus.name) == [])
    }
  }

  @Test func whatIsUnderWayIsLeftAlone() throws {
    let name = TestSpace.busName("slow")
    defer { TestSpace.clear(name) }
    let control = try SharedMemory.create("/" + segment(name, "control"))
    #expect(try FileLock.acquire(SHMBUS_LOCK_ADMIN, of: control.descriptor.number))
    let diagnosis = try only(name, .inProgress)
    #expect(diagnosis.severity == .transient && !diagnosis.isRepairable)
    try diagnosis.repair()
    #expect(TestSpace.segments(of: name).count == 1)
  }

  @Test func aRepairLooksAgainBeforeItActs() throws {
    try withBus { bus in
      try damage(segment(bus.name, "control"), at: 24, [0])
      let stale = try only(bus.name, .halfCreated)
      try damage(segment(bus.name, "control"), at: 24, [1])
      #expect(busError { try stale.repair() }?.code == .cannotCreate)
      #expect(try faults(bus.name) == [])
    }
  }

  @Test func orphansAreClearedAwayWhenNobodyHasThem() throws {
    let name = TestSpace.busName("orphan")
    defer { TestSpace.clear(name) }
    let holder = try Actor(["open", "bus=\(name)"])
    #expect(holder.wait() == 66)
    _ = try Bus.create(name, BusConfiguration(partitions: 2, slots: 64, slotSize: 64))
    let reader = try Actor(["subscribe", "bus=\(name)", "from=earliest"])
    #expect(eventually { (try? Bus.open(name).status().endpoints.count) == 1 })
    // Else it would notice that the control segment is gone, and end.
    kill(reader.pid, SIGSTOP)
    unsafe _ = shm_unlink("/" + segment(name, "control"))
    let held = try only(name, .orphan)
    #expect(held.severity == .heldUp && !held.isRepairable)
    #expect(held.evidence.contains("pid \(reader.pid) (bus-actor)"), "\(held.evidence)")
    reader.kill()
    reader.wait()
    let orphan = try only(name, .orphan)
    try orphan.repair()
    #expect(TestSpace.segments(of: name) == [])
    #expect(busError { _ = try Doctor.examine(name) }?.code == .notFound)
  }

  @Test func aSegmentBeyondTheLastPartitionIsClearedAway() throws {
    try withBus { bus in
      _ = try SharedMemory.create("/" + segment(bus.name, "p7"))
      try only(bus.name, .orphan).repair()
      #expect(TestSpace.segments(of: bus.name).count == 2)
      #expect(try faults(bus.name) == [])
    }
  }

  @Test func aFileThatIsNoSegmentIsLeftAlone() throws {
    _ = TestSpace.namespace
    let name = "/" + segment("x", "notes.txt")
    _ = try SharedMemory.create(name)
    defer { unsafe _ = shm_unlink(name) }
    let found = try Doctor.examine().filter { $0.fault == .foreignFile && $0.subject == name }
    #expect(found.map(\.severity) == [.notice])
    #expect(found.allSatisfy { !$0.isRepairable })
  }

  // --------------------------------------------------------------------------------- damage

  private static let controlFaults: [(fault: Diagnosis.Fault, offset: Int, bytes: [UInt8])] = [
    (.damagedControl, 0, [1]), (.layoutVersion, 8, [9]),
    (.damagedControl, 16, [0, 0, 0, 0, 0, 0, 0, 0]),
    (.damagedControl, 24, [7]), (.damagedControl, 96, [0, 0, 0]), (.damagedControl, 136, [63]),
  ]

  @Test(arguments: controlFaults.indices)
  func aDamagedControlSegmentIsExplained(index: Int) throws {
    let fault = Self.controlFaults[index]
    try withBus { bus in
      try damage(segment(bus.name, "control"), at: fault.offset, fault.bytes)
      let diagnosis = try only(bus.name, fault.fault)
      #expect(diagnosis.severity == .damaged && !diagnosis.isRepairable)
      #expect(diagnosis.evidence.contains("found"), "\(diagnosis.evidence)")
      #expect(diagnosis.fix.contains("shmctl remove --force \(bus.name)"))
      try Bus.remove(bus.name, force: true)
      #expect(busError { _ = try Doctor.examine(bus.name) }?.code == .notFound)
    }
  }

  @Test func aTruncatedControlSegmentIsExplained() throws {
    try withBus { bus in
      #expect(unsafe truncate(path(bus.name, "control"), 4096) == 0)
      let diagnosis = try only(bus.name, .damagedControl)
      #expect(diagnosis.evidence.contains("4096"))
    }
  }

  @Test(arguments: [0, 8, 16, 24, 32, 40])
  func aDamagedPartitionIsExplained(offset: Int) throws {
    try withBus(BusConfiguration(partitions: 2, slots: 64, slotSize: 64)) { bus in
      try damage(segment(bus.name, "p1"), at: offset, [0x77])
      let diagnosis = try only(bus.name, .damagedPartition)
      #expect(diagnosis.subject == "/" + segment(bus.name, "p1"))
      #expect(diagnosis.severity == .damaged)
      try Bus.remove(bus.name)
    }
  }

  @Test func aTruncatedPartitionIsExplainedAlsoWhenItGrewAgain() throws {
    try withBus { bus in
      let path = path(bus.name, "p0")
      let size = off_t(bus.configuration.partitionBytes)
      #expect(unsafe truncate(path, 8192) == 0)
      let short = try only(bus.name, .damagedPartition)
      #expect(short.evidence.contains("found 8192"))
      #expect(unsafe truncate(path, size) == 0)
      let holed = try only(bus.name, .damagedPartition)
      #expect(holed.evidence.contains("not allocated"))
    }
  }

  @Test func aDeletedPartitionIsExplained() throws {
    try withBus { bus in
      unsafe _ = shm_unlink("/" + segment(bus.name, "p0"))
      #expect(try only(bus.name, .missingPartition).severity == .damaged)
      try Bus.remove(bus.name)
    }
  }

  @Test func wrongModesAreSetRight() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, mode: 0o640)) { bus in
      #expect(unsafe chmod(path(bus.name, "p0"), 0o604) == 0)
      let diagnosis = try only(bus.name, .wrongMode)
      #expect(diagnosis.evidence.contains("0604") && diagnosis.evidence.contains("0640"))
      try diagnosis.repair()
      #expect(try faults(bus.name) == [])
      #expect(try SharedMemory.ownership(of: "/" + segment(bus.name, "p0"))?.mode == 0o640)
    }
  }

  // -------------------------------------------------------------------------------- endpoints

  @Test func theDeadAreSweptAway() throws {
    try withBus { bus in
      let lender = try Actor(["loan", "bus=\(bus.name)"])
      #expect(try lender.line() == "loan 0")
      let reader = try Actor(["subscribe", "bus=\(bus.name)"])
      #expect(eventually { (try? bus.status().endpoints.count) == 2 })
      for actor in [lender, reader] {
        actor.kill()
        actor.wait()
      }
      let found = try faults(bus.name)
      #expect(found.map(\.fault) == [.deadEndpoint, .deadEndpoint])
      #expect(found[0].evidence.contains("pid \(lender.pid) (bus-actor)"), "\(found)")
      #expect(found[1].evidence.contains("pid \(reader.pid)"))
      #expect(try bus.status().partitions[0].holder != nil)
      try found[0].repair()
      #expect(try faults(bus.name) == [])
      #expect(try bus.status().partitions[0].holder == nil)
      #expect(try bus.recover() == 0)
    }
  }

  @Test func recoverFreesTheDeadAndNobodyElse() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      let loan = try publisher.loan(byteCount: 8)
      let dead = try Actor(["loan", "bus=\(bus.name)"])
      #expect(try dead.line() == "loan 1")
      dead.kill()
      dead.wait()
      #expect(try bus.recover() == 1)
      #expect(try bus.status().endpoints.map(\.pid) == [Int(getpid())])
      #expect(try loan.publish() == 0)
    }
  }

  @Test func aStalledPublisherIsNamedWithItsOffset() throws {
    var configuration = BusConfiguration(slots: 64, slotSize: 64)
    configuration.claimTimeout = .milliseconds(200)
    try withBus(configuration) { bus in
      let lender = try Actor(["loan", "bus=\(bus.name)"])
      #expect(try lender.line() == "loan 0")
      #expect(try faults(bus.name) == [], "not yet")
      lender.kill(SIGSTOP)
      #expect(eventually { (try? faults(bus.name))?.isEmpty == false })
      let diagnosis = try only(bus.name, .stalledPublisher)
      #expect(diagnosis.severity == .heldUp && !diagnosis.isRepairable)
      #expect(diagnosis.finding.contains("offset 0"))
      #expect(
        diagnosis.evidence.contains("pid \(lender.pid) (bus-actor, stopped by a signal)"),
        "\(diagnosis.evidence)")
      lender.kill(SIGCONT)
      lender.tell("publish")
      #expect(try lender.line() == "published 0")
      #expect(eventually { (try? faults(bus.name)) == [] })
    }
  }

  @Test func quarantinedSlotsAreToldOf() throws {
    var configuration = BusConfiguration(slots: 64, slotSize: 64)
    configuration.claimTimeout = .milliseconds(50)
    try withBus(configuration) { bus in
      var subscriber = try bus.subscriber()
      let lender = try Actor(["loan", "bus=\(bus.name)"])
      #expect(try lender.line() == "loan 0")
      lender.kill(SIGSTOP)
      try bus.publisher().publish("past it")
      #expect(try subscriber.text() == "past it")
      let diagnosis = try only(bus.name, .quarantine)
      #expect(diagnosis.severity == .notice)
      #expect(diagnosis.evidence.contains("pid \(lender.pid)"), "\(diagnosis.evidence)")
      lender.kill()
      lender.wait()
      let dead = try #require(try faults(bus.name).first { $0.fault == .deadEndpoint })
      try dead.repair()
      #expect(try faults(bus.name) == [])
    }
  }

  @Test func whoKeepsARingFullIsNamed() throws {
    try withBus { bus in
      let holder = try Actor(["subscribe", "bus=\(bus.name)"])
      #expect(eventually { (try? bus.status().endpoints.first?.heads.count) == 1 })
      holder.kill(SIGSTOP)
      let publisher = try bus.publisher()
      // Full only when the signal has really stopped it.
      while try unsafe publisher.tryPublish("x".utf8Span.span.bytes) != nil {}
      let diagnosis = try only(bus.name, .fullRing)
      #expect(diagnosis.severity == .heldUp)
      #expect(diagnosis.evidence.contains("pid \(holder.pid)"))
      #expect(diagnosis.finding.contains("64 slots"))
      holder.kill(SIGCONT)
      #expect(eventually { (try? faults(bus.name)) == [] })
    }
  }

  // ------------------------------------------------------------------------------------- host

  @Test func sharedMemoryThatRunsShortIsToldOf() {
    #expect(HostExamination.space(total: 1 << 30, free: 1 << 29) == nil)
    #expect(HostExamination.space(total: 1 << 30, free: 1 << 24)?.severity == .notice)
    #expect(HostExamination.space(total: 1 << 30, free: 4096)?.severity == .transient)
  }

  @Test func theWorstComesFirst() {
    let all: [Diagnosis.Severity] = [.damaged, .heldUp, .denied, .transient, .notice]
    #expect(all.sorted() == all.reversed())
    #expect(all.map(\.rawValue) == [65, 69, 77, 75, 0])
  }
}

import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// Somebody cuts a segment under real processes that use it.
@Suite(.serialized) struct TruncationTests {
  /// Which segment is cut, to how many bytes, and whether those who use it have the guard.
  static let cases: [(segment: String, bytes: Int, isGuarded: Bool)] = [
    ("p0", 0, true), ("p0", 8192, true), ("control", 0, true), ("p0", 0, false),
    ("control", 0, false),
  ]

  /// A publisher and a subscriber at work, and a subscriber asleep on the same bus.
  @Test(arguments: cases)
  func whoUsesACutSegmentIsToldOrDies(segment: String, bytes: Int, isGuarded: Bool) throws {
    let name = TestSpace.busName("cut")
    defer { TestSpace.clear(name) }
    // Not kept open here: this process would be hit, too.
    _ = try Bus.create(
      name, BusConfiguration(partitions: 2, slots: 512, slotSize: 64, whenFull: .overwrite))
    let mode = "guard=\(isGuarded ? 1 : 0)"
    let sleeper = try Actor(["subscribe", "bus=\(name)", "wait=sleep", mode])
    #expect(try sleeper.line() == "ready")
    // Asleep by the kernel's own word: it sleeps on a futex until somebody publishes.
    #expect(eventually { KernelFile.state(of: sleeper.pid) == "S" })
    let reader = try Actor(["subscribe", "bus=\(name)", mode])
    let writer = try Actor(["publish", "bus=\(name)", "count=100000000", "way=single", mode])
    #expect(try reader.line() == "ready")
    #expect(try writer.line() == "ready")
    writer.tell("go")
    for _ in 0..<50 {
      _ = try writer.line()
      _ = try reader.line()
    }
    cut(name, segment, to: bytes)
    for actor in [writer, reader, sleeper] {
      let last = try actor.rest().last
      let code = actor.wait()
      if isGuarded {
        #expect(code == 1 && last?.contains("truncated by somebody") == true, "\(last ?? "")")
      } else {
        #expect(code == -SIGBUS)
      }
    }
  }

  /// What is in hand reads as zeroes; every call after that says why.
  @Test func allCallsSayThatASegmentWasCut() async {
    await #expect(processExitsWith: .success) {
      TruncationGuard.install()
      let name = TestSpace.busName("cut")
      defer { TestSpace.clear(name) }
      let bus = try Bus.create(name, BusConfiguration(partitions: 2, slots: 64, slotSize: 4096))
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber(partitions: [0])
      var observer = try bus.observer(partitions: [0])
      var other = try bus.subscriber(partitions: [1])
      for number in 0..<3 { try publisher.publish("\(number)", partition: 0) }
      try publisher.publish("elsewhere", partition: 1)
      var loan = try publisher.loan(byteCount: 5000, partition: 0)
      if let message = try subscriber.next(timeout: patience) {
        cut(name, "p0", to: 0)
        #expect(message.bytes.array == [0], "the page is gone, and nobody died")
      }
      loan.fill([UInt8](repeating: 7, count: 5000))
      let lost = PublishError.truncated(partition: 0)
      let refusal = refusal(of: loan)
      #expect(refusal == lost)
      #expect(publishError { try publisher.publish("x", partition: 0) } == lost)
      #expect(publishError { _ = try publisher.loan(byteCount: 1, partition: 0).publish() } == lost)
      #expect(publishError { try publisher.publish(batch: [[1], [2]], partition: 0) } == lost)
      #expect(publishError { try publisher.publish("x", partition: 1) } == lost)
      let unread = SubscribeError.truncated(partition: 0)
      for timeout in [Duration.zero, .seconds(1)] {
        #expect(subscribeError { _ = try subscriber.copy(within: timeout) } == unread)
        #expect(subscribeError { _ = try observer.copy(within: timeout) } == unread)
      }
      #expect(subscribeError { _ = try subscriber.poll(max: 3) } == unread)
      #expect(try other.text() == "elsewhere", "a whole partition is read on")
      #expect(busError { _ = try bus.status() }?.code == .damaged)
      #expect(busError { _ = try bus.publisher() }?.code == .damaged)
    }
  }

  /// A subscriber's alarm is where its tracks are, and those moved.
  @Test(arguments: ["p0", "p3"])
  func aSubscriberWithMorePartitionsThanAtFirstIsToldAtOnce(segment: String) async {
    await #expect(processExitsWith: .success) { [segment] in
      TruncationGuard.install()
      let name = TestSpace.busName("cut")
      defer { TestSpace.clear(name) }
      let bus = try Bus.create(
        name, BusConfiguration(partitions: 1, maxPartitions: 4, slots: 64, slotSize: 64))
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      let partition = try #require(segment.last?.wholeNumberValue)
      for partitions in 2...4 {
        try bus.addPartitions(to: partitions)
        try publisher.publish("new", partition: partitions - 1)
        try #expect(subscriber.text() == "new")
      }
      for number in 0..<3 { try publisher.publish("\(number)", partition: partition) }
      try #expect(subscriber.text() == "0")
      if let message = try subscriber.next(timeout: patience) {
        // The headers stay: by them the third message is whole.
        cut(name, segment, to: bus.configuration.partitionLayout.payloadOffset)
        #expect(message.bytes.array == [0])
      }
      let lost = SubscribeError.truncated(partition: partition)
      #expect(subscribeError { _ = try subscriber.copy() } == lost)
      #expect(subscribeError { _ = try subscriber.copy() } == lost)
    }
  }

  @Test func aCutControlSegmentIsToldToAll() async {
    await #expect(processExitsWith: .success) {
      TruncationGuard.install()
      let name = TestSpace.busName("cut")
      defer { TestSpace.clear(name) }
      let bus = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      for number in 0..<64 { try publisher.publish("\(number)") }
      cut(name, "control", to: 0)
      let error = publishError { try publisher.publish("x", timeout: patience) }
      #expect(error == .truncated(partition: nil))
      #expect(error?.description.contains("the control segment") == true)
      let unread = subscribeError { for _ in 0..<65 { _ = try subscriber.copy() } }
      #expect(unread == .truncated(partition: nil))
      for error in [
        busError { _ = try bus.status() }, busError { _ = try bus.subscriber() },
        busError { _ = try bus.recover() },
      ] {
        #expect(error?.code == .damaged)
        #expect(error?.message.contains("truncated") == true)
      }
    }
  }

  @Test func aFaultElsewhereIsThePreviousHandlers() async {
    await #expect(processExitsWith: .exitCode(7)) {
      var action = sigaction()
      action.sa_flags = SA_SIGINFO
      unsafe action.__sigaction_handler.sa_sigaction = { number, info, _ in
        let isOurs = unsafe info?.pointee.si_code == 2 && number == SIGBUS
        _exit(isOurs ? 7 : 8)
      }
      unsafe sigaction(SIGBUS, &action, nil)
      TruncationGuard.install()
      TruncationGuard.install()
      try surviveOne()
      touchForeign()
    }
  }

  @Test func aFaultElsewhereEndsTheProcessWhereNobodyHandlesIt() async {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      TruncationGuard.install()
      try surviveOne()
      touchForeign()
    }
    await #expect(processExitsWith: .signal(SIGBUS)) {
      TruncationGuard.install()
      raise(SIGBUS)
    }
  }

  @Test func aMappingThatIsGoneIsForeignAgain() async {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      TruncationGuard.install()
      let address: UnsafeMutableRawPointer
      do {
        let name = uniqueName("gone")
        let memory = try SharedMemory.create(name)
        defer { _ = try? SharedMemory.unlink(name) }
        try memory.allocate(byteCount: 4096)
        let mapping = try Mapping(
          memory.descriptor, byteCount: 4096, writable: true, populate: true)
        unsafe address = mapping.base
      }
      unsafe touchForeign(at: address)
    }
  }
}

private func refusal(of loan: consuming Loan) -> PublishError? {
  do { try loan.publish() } catch { return error }
  return nil
}

/// Cuts a segment of this process's namespace.
func cut(_ bus: String, _ segment: String, to byteCount: Int) {
  let path = "/dev/shm/shmbus-\(TestSpace.namespace).\(bus).\(segment)"
  let code = unsafe truncate(path, byteCount)
  precondition(code == 0, "\(path) can be cut")
}

/// Loses a page of a mapping of ours, and lives.
private func surviveOne() throws {
  try withSharedMemory("mine", byteCount: 8192) { memory in
    let mapping = try Mapping(memory.descriptor, byteCount: 8192, writable: true, populate: true)
    #expect(ftruncate(memory.descriptor.number, 4096) == 0)
    #expect(mapping.fate == .whole)
    unsafe mapping.base.storeBytes(of: 1, toByteOffset: 4096, as: UInt8.self)
    #expect(mapping.fate == .truncated)
  }
}

/// Touches a page of a file that has none, mapped by somebody else.
private func touchForeign(at place: UnsafeMutableRawPointer? = nil) {
  let file = unsafe open("/tmp", 0o20_200_000 | O_RDWR, 0o600)
  precondition(file >= 0, "a file without a name")
  let flags = unsafe MAP_SHARED | (place == nil ? 0 : MAP_FIXED)
  let base = unsafe mmap(place, 4096, PROT_READ | PROT_WRITE, flags, file, 0)
  unsafe base!.storeBytes(of: 1, as: UInt8.self)
}

extension KernelFile {
  /// What a process does by the kernel's word: "S" sleeps, "R" runs, "T" is stopped.
  static func state(of pid: pid_t) -> String? {
    guard let line = try? line(at: "/proc/\(pid)/stat"), let end = line.lastIndex(of: ")") else {
      return nil
    }
    return line[end...].dropFirst(2).first.map(String.init)
  }
}

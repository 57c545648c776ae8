import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// A process forks and its child does not exec. Each in a process of its own.
@Suite struct ForkTests {
  /// All that is the parent's says so; what the child opens itself works, and so does the parent.
  @Test func aChildIsToldThatTheEndpointsAreItsParents() async {
    await #expect(processExitsWith: .success) {
      let name = TestSpace.busName("fork")
      defer { TestSpace.clear(name) }
      let bus = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      var observer = try bus.observer(from: .earliest)
      try publisher.publish("before")
      let child = try forkProcess()
      if child == 0 {
        let told = [
          publishError { try publisher.publish("x") } == .forked,
          publishError { _ = try publisher.loan(byteCount: 9).publish() } == .forked,
          publishError { try publisher.publish("x") }?.description.contains("forked") == true,
          subscribeError { _ = try subscriber.copy(within: .zero) } == .forked,
          subscribeError { _ = try observer.copy(within: patience) } == .forked,
          busError { _ = try bus.status() }?.message.contains("forked") == true,
          busError { _ = try bus.publisher() }?.code == .unavailable,
          busError { _ = try bus.subscriber() }?.code == .unavailable,
          busError { try bus.recover() }?.code == .unavailable,
          publishesByItself(name),
        ]
        _exit(Int32(told.firstIndex(of: false).map { $0 + 1 } ?? 0))
      }
      #expect(exitCode(of: child) == 0, "the number of what it was not told")
      #expect(try subscriber.text() == "before")
      #expect(try subscriber.text() == "by the child")
      #expect(try publisher.publish("after") == 2)
      #expect(try observer.text() == "before")
    }
  }

  /// The child lets the parent's endpoints go: nothing of the parent's changes, and no file of its own closes.
  @Test func aChildMayDropWhatIsItsParents() async {
    await #expect(processExitsWith: .success) {
      let name = TestSpace.busName("fork")
      defer { TestSpace.clear(name) }
      let bus = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
      var publisher: Publisher? = try bus.publisher()
      var subscriber: Subscriber? = try bus.subscriber()
      let child = try forkProcess()
      if child == 0 {
        // They get the numbers that the locks' descriptors had.
        let files = (0..<4).map { _ in unsafe open("/dev/null", O_RDONLY) }
        _ = publisher.take()
        _ = subscriber.take()
        _exit(files.allSatisfy { fcntl($0, F_GETFD) != -1 } ? 0 : 1)
      }
      #expect(exitCode(of: child) == 0)
      let states = try bus.status().endpoints.map(\.state)
      #expect(states == [.alive, .alive])
      _ = publisher.take()
      _ = subscriber.take()
      #expect(try bus.status().endpoints.isEmpty)
    }
  }

  /// A child that outlives its parent does not keep the parent's endpoints looking alive.
  @Test func anEndpointDiesWithItsProcessAndNotWithTheChild() async {
    await #expect(processExitsWith: .success) {
      let name = TestSpace.busName("fork")
      defer { TestSpace.clear(name) }
      let bus = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
      var subscriber = try bus.subscriber()
      var pipes: [Int32] = [0, 0]
      #expect(unsafe pipe(&pipes) == 0)
      let parent = try forkProcess()
      if parent == 0 { holdAndFork(name, sayingPidTo: pipes[1]) }
      var grandchild: pid_t = 0
      #expect(unsafe read(pipes[0], &grandchild, 4) == 4)
      let publisher = try bus.publisher()
      try publisher.publish("behind its claim")
      #expect(try subscriber.text(within: .milliseconds(10)) == nil)
      kill(parent, SIGKILL)
      #expect(exitCode(of: parent) == -1)
      #expect(try subscriber.text() == "behind its claim")
      #expect(kill(grandchild, 0) == 0, "it still lives")
      kill(grandchild, SIGKILL)
    }
  }
}

private func publishesByItself(_ name: String) -> Bool {
  guard let publisher = try? Bus.open(name).publisher() else { return false }
  return (try? publisher.publish("by the child")) != nil
}

/// Holds a claim until it is killed, and has a child that lives until it is killed.
private func holdAndFork(_ name: String, sayingPidTo pipe: Int32) -> Never {
  guard let publisher = try? Bus.open(name).publisher(),
    let loan = try? publisher.loan(byteCount: 9),
    var child = try? forkProcess()
  else { _exit(1) }
  if child == 0 {
    for _ in 0..<600 { _ = sleep(1) }
    _exit(0)
  }
  _ = unsafe write(pipe, &child, 4)
  // Used behind the wait: a value that nobody uses any more ends at once.
  for _ in 0..<600 { _ = sleep(1) }
  _ = try? loan.publish()
  _exit(0)
}

import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// A process that may open no more files.
@Suite struct DescriptorTests {
  /// Whatever is tried with one descriptor too few fails with a way out, leaves nothing open and nothing in
  /// `/dev/shm`, and works as soon as there are enough.
  @Test func withoutDescriptorsSetUpFailsCleanly() async {
    await #expect(processExitsWith: .success) {
      let name = TestSpace.busName("descriptors")
      defer { TestSpace.clear(name) }
      let configuration = BusConfiguration(partitions: 3, slots: 64, slotSize: 64)
      #expect(
        starve {
          _ = try Bus.create(name, configuration)
        } whileStarving: {
          TestSpace.segments(of: name).isEmpty
        } >= 2)
      #expect(starve { _ = try Bus.open(name) } >= 1)
      let bus = try Bus.open(name)
      #expect(starve { _ = try bus.publisher() } >= 1)
      #expect(starve { _ = try bus.subscriber() } >= 1)
      #expect(starve { _ = try bus.observer() } >= 1)
      #expect(starve { _ = try bus.status() } >= 1)
      #expect(starve { try Bus.remove(name) } >= 1)
      #expect(TestSpace.segments(of: name) == [])
    }
  }

  /// Those who are attached need no descriptor more: they publish, read and wait.
  @Test func whoIsAttachedNeedsNoDescriptors() async {
    await #expect(processExitsWith: .success) {
      let name = TestSpace.busName("descriptors")
      defer { TestSpace.clear(name) }
      let bus = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber(wait: .sleep)
      let kept = limit(descriptors: 0)
      for number in 0..<200 {
        try publisher.publish("\(number)", timeout: .zero)
        let text = try subscriber.text()
        precondition(text == "\(number)")
        if number % 100 == 0 {
          let none = try subscriber.copy(within: .milliseconds(5))
          precondition(none == nil)
        }
      }
      restore(kept)
    }
  }
}

/// Tries with no descriptor free, one, two, until it works; returns how often it failed. Each failure must be
/// a clear one that leaves nothing open.
private func starve(
  _ body: () throws -> Void, whileStarving holds: () -> Bool = { true }
) -> Int {
  for count in 0..<20 {
    let before = segmentDescriptors()
    let kept = limit(descriptors: count)
    var failure: BusError?
    do { try body() } catch {
      failure = error as? BusError
      precondition(failure != nil, "\(error)")
    }
    restore(kept)
    guard let failure else { return count }
    precondition(failure.errno == EMFILE, "\(failure)")
    precondition(failure.message.contains("ulimit -n"), "\(failure)")
    precondition(segmentDescriptors() == before, "something stayed open")
    precondition(holds(), "something was left behind")
  }
  return -1
}

/// How many descriptors of this process stand for segments: other threads of a test's process open other files,
/// whenever they like.
private func segmentDescriptors() -> Int {
  (0..<1024).count { number in
    var target = [UInt8](repeating: 0, count: 256)
    let length = unsafe readlink("/proc/self/fd/\(number)", &target, target.count)
    return String(decoding: target.prefix(max(0, length)), as: UTF8.self).hasPrefix(
      "/dev/shm/shmbus")
  }
}

/// Lets this process open so many files more, and no others; returns what to restore.
private func limit(descriptors count: Int) -> rlimit {
  var old = rlimit()
  unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
  let next = dup(0)
  close(next)
  var new = old
  new.rlim_cur = rlim_t(Int(next) + count)
  unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &new)
  return old
}

private func restore(_ old: rlimit) {
  var old = old
  unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
}

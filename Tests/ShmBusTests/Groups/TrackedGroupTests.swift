import Glibc
import ShmBus
import TestSupport
import Testing

/// A member that hands its messages to threads: the loop of the tracker's documentation.
@Suite struct TrackedGroupTests {
  /// Messages waiting for a worker, and those that were handled.
  private struct Work {
    var waiting: [OwnedMessage] = []
    var handled: [Offset] = []
    var isOver = false
  }

  @Test func aPoolFinishesInAnyOrderAndTheHeadFollows() throws {
    let total: Offset = 1_000
    let seed = Seed.announced("tracked group")
    try withBus(BusConfiguration(slots: 1024, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      for number in 0..<total { try publisher.publish("\(number)") }
      let tracker = AcknowledgementTracker(capacity: 50)
      let work = Shared(Work())
      let workers = (0..<3).map { number in
        Thread { Self.labour(tracker, work, seed.branch(number)) }
      }
      var subscriber = try bus.subscriber(.group("pool"), from: .earliest)
      var head: Offset = 0
      let deadline = monotonicNanoseconds() + 20_000_000_000
      while head < total, monotonicNanoseconds() < deadline {
        if tracker.hasRoom { subscriber.resume([0]) } else { subscriber.pause([0]) }
        if let message = try subscriber.next(timeout: .milliseconds(1)) {
          let isNoted = tracker.begin(message)
          #expect(isNoted)
          let copy = message.copy()
          work.change { $0.waiting.append(copy) }
        }
        guard let moved = tracker.advance() else { continue }
        try subscriber.commit(partition: 0, upTo: moved)
        head = moved
      }
      work.change { $0.isOver = true }
      for worker in workers { worker.join() }
      #expect(head == total)
      #expect(work.value.handled.sorted() == Array(0..<total))
      #expect(try bus.group("pool").partitions[0].lag == 0)
    }
  }

  /// What was begun and not done lies above the head, and comes again.
  @Test func whatIsNotDoneComesAgain() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      for number in 0..<10 { try publisher.publish("\(number)") }
      do {
        let tracker = AcknowledgementTracker()
        var subscriber = try bus.subscriber(.group("pool"), from: .earliest)
        for _ in 0..<10 {
          guard let message = try subscriber.next(timeout: .seconds(5)) else { break }
          let isNoted = tracker.begin(message)
          #expect(isNoted)
        }
        for done in [9, 0, 1, 4, 2] as [Offset] { #expect(tracker.acknowledge(done)) }
        let head = try #require(tracker.advance())
        #expect(head == 3)
        try subscriber.commit(partition: 0, upTo: head)
      }
      var heir = try bus.subscriber(.group("pool"))
      #expect(try heir.next(timeout: .seconds(5))?.offset == 3)
    }
  }

  private static func labour(_ tracker: AcknowledgementTracker, _ work: Shared<Work>, _ seed: Seed)
  {
    var seed = seed
    // Ends: when the reader says so, which it does at its deadline at the latest.
    while true {
      let number = seed.next()
      let (taken, isOver) = work.change { work in
        let count = UInt64(work.waiting.count)
        return (
          count == 0 ? nil : work.waiting.remove(at: Int(number % count)), work.isOver
        )
      }
      if let taken {
        work.change { $0.handled.append(taken.offset) }
        tracker.acknowledge(taken.offset)
      } else if isOver {
        return
      } else {
        sched_yield()
      }
    }
  }
}

import Glibc
import Synchronization
import TestSupport
import Testing

@testable import ShmBus

/// What the tracker must say, computed the plain way: all messages ever begun, and whether each is
/// done.
private struct Oracle {
  var messages: [(offset: Offset, end: Offset, isDone: Bool)] = []

  var prefix: Int { messages.prefix { $0.isDone }.count }
  var head: Offset? { prefix == 0 ? nil : messages[prefix - 1].end }
  var held: Int { messages.count - prefix }
  var inFlight: Int { messages.count { !$0.isDone } }
  var oldest: Offset? { messages.first { !$0.isDone }?.offset }
}

@Suite struct AcknowledgementTrackerTests {
  @Test func theLongestDonePrefixIsTold() {
    let tracker = AcknowledgementTracker(capacity: 3)
    #expect(tracker.head == nil && tracker.advance() == nil && tracker.oldest == nil)
    #expect(tracker.begin(offset: 10, end: 12))
    #expect(tracker.begin(offset: 12, end: 13))
    #expect(tracker.begin(offset: 20, end: 21))
    #expect(!tracker.begin(offset: 21, end: 22))
    #expect(!tracker.hasRoom)
    #expect(tracker.acknowledge(12))
    #expect(tracker.advance() == nil)
    #expect(tracker.oldest == 10)
    #expect(tracker.acknowledge(10))
    #expect(tracker.advance() == 13)
    #expect(tracker.advance() == nil)
    #expect(tracker.begin(offset: 21, end: 22))
    #expect(tracker.acknowledge(20) && tracker.acknowledge(21))
    #expect(tracker.advance() == 22)
    #expect(tracker.inFlight == 0)
  }

  /// Random spans, padding between messages, acknowledgements in any order, some of them twice or
  /// of nothing, and resets: after each step everything it says is compared.
  @Test func itAgreesWithTheOracle() {
    var seed = Seed.announced("acknowledgements")
    for _ in 0..<60 {
      let capacity = Int(seed.next() % 20) + 1
      let tracker = AcknowledgementTracker(capacity: capacity)
      var oracle = Oracle()
      var next = seed.next() % 1000
      var committed: Offset?
      for _ in 0..<400 {
        switch seed.next() % 8 {
        case 0, 1, 2:
          let offset = next + (seed.oneIn(4) ? seed.next() % 5 : 0)
          let end = offset + 1 + seed.next() % 4
          let isNoted = tracker.begin(offset: offset, end: end)
          #expect(isNoted == (oracle.held < capacity))
          if isNoted {
            oracle.messages.append((offset, end, false))
            next = end
          }
        case 3, 4, 5, 6:
          let offset = acknowledged(oracle, &seed)
          let index = oracle.messages.firstIndex { $0.offset == offset && !$0.isDone }
          #expect(tracker.acknowledge(offset) == (index != nil))
          if let index { oracle.messages[index].isDone = true }
        default:
          if seed.oneIn(20) {
            tracker.reset()
            oracle = Oracle()
            committed = nil
            next = seed.next() % 1000
          }
        }
        #expect(tracker.head == oracle.head)
        #expect(tracker.inFlight == oracle.inFlight)
        #expect(tracker.oldest == oracle.oldest)
        #expect(tracker.hasRoom == (oracle.held < capacity))
        if seed.oneIn(3) {
          #expect(tracker.advance() == (oracle.head == committed ? nil : oracle.head))
          committed = oracle.head
        }
      }
    }
  }

  /// Mostly a message in flight, sometimes any number.
  private func acknowledged(_ oracle: Oracle, _ seed: inout Seed) -> Offset {
    let open = oracle.messages.filter { !$0.isDone }
    if seed.oneIn(5) || open.isEmpty { return seed.next() % 2000 }
    return open.randomElement(using: &seed)!.offset
  }

  /// A reader and a pool: whatever head the reader is told, all below it has been done before.
  @Test func workersOfAPoolFinishInAnyOrder() {
    let seed = Seed.announced("pool")
    let pool = Pool()
    var works: [@Sendable () -> Void] = [{ pool.read(4_000) }]
    for worker in UInt64(0)..<3 { works.append { pool.labour(seed.branch(worker)) } }
    inParallel(works)
    #expect(pool.tracker.head == 4_000 && pool.tracker.inFlight == 0)
  }

  @Test func whatIsBegunOutOfOrderTraps() async {
    await #expect(processExitsWith: .failure) {
      let tracker = AcknowledgementTracker()
      _ = tracker.begin(offset: 5, end: 6)
      _ = tracker.begin(offset: 4, end: 5)
    }
  }
}

/// Messages handed to workers, who finish them in any order.
private final class Pool: Sendable {
  let tracker = AcknowledgementTracker(capacity: 64)
  private let open = Mutex<[Offset]>([])
  private let done = Mutex<Set<Offset>>([])
  private let isOver = Atomic(false)

  func read(_ total: Offset) {
    var next: Offset = 0
    var head: Offset = 0
    // Ends: when all is done; the workers do not stop before that.
    while head < total {
      if next < total, tracker.begin(offset: next, end: next + 1) {
        open.withLock { $0.append(next) }
        next += 1
      }
      guard let moved = tracker.advance() else { continue }
      #expect(moved > head)
      #expect(done.withLock { set in (head..<moved).allSatisfy(set.contains) })
      head = moved
    }
    isOver.store(true, ordering: .relaxed)
  }

  func labour(_ seed: Seed) {
    var seed = seed
    // Ends: when the reader has seen everything done.
    while !isOver.load(ordering: .relaxed) {
      let number = seed.next()
      let taken = open.withLock { $0.isEmpty ? nil : $0.remove(at: Int(number % UInt64($0.count))) }
      guard let taken else {
        sched_yield()
        continue
      }
      done.withLock { _ = $0.insert(taken) }
      #expect(tracker.acknowledge(taken))
    }
  }
}

import CShmBus
import Glibc

/// One wait over several subscribers, of one bus or of many. Belongs to one thread, the one that
/// its subscribers belong to.
///
/// ```swift
/// var set = SubscriberSet()
/// let orders = set.add(first), trades = set.add(second)
/// for place in set.wait(timeout: .seconds(1)) {
///   if place == orders { … first.next(timeout: .zero) … }
/// }
/// ```
///
/// It keeps its subscribers attached until they are removed from it or it goes out of scope.
@safe
public struct SubscriberSet: ~Copyable {
  private var cores: [SubscriberCore?] = []
  private let strategy: WaitStrategy

  /// An empty set, and how it waits.
  public init(wait: WaitStrategy = .balanced) { strategy = wait }

  /// Adds a subscriber; returns its place, which ``wait(timeout:)`` calls it by. Places are not
  /// used again.
  public mutating func add(_ subscriber: borrowing Subscriber) -> Int {
    cores.append(subscriber.core)
    return cores.count - 1
  }

  /// Takes a subscriber out.
  public mutating func remove(_ place: Int) { cores[place] = nil }

  /// Waits until a subscriber has something to say to whoever asks it for a message: a message, an
  /// error, or a change of its partitions. Everything they handed out before is done, as when the
  /// next message is asked for.
  ///
  /// - Returns: the places of those that have, ascending; empty when none had in time.
  public mutating func wait(timeout: Duration) -> [Int] {
    let waiting = cores.enumerated().compactMap { place, core in core.map { (place, $0) } }
    for (_, core) in waiting { unsafe SubscriberCore.giveBackAll(core.state) }
    let deadline = Clock.deadline(in: timeout.nanoseconds)
    let ready = Self.spin(
      waiting, until: min(deadline, Clock.deadline(in: strategy.spinNanoseconds)))
    if !ready.isEmpty { return ready }
    // Ends: at the deadline at the latest.
    while true {
      let (ready, longest) = Self.look(waiting)
      let now = Clock.monotonic()
      guard ready.isEmpty, now < deadline else {
        for (_, core) in waiting { core.waiter.withdraw() }
        return ready
      }
      Self.sleep(waiting, atMost: min(longest, deadline - now))
    }
  }

  /// Who is ready, looked for again and again; empty at `end`.
  private static func spin(_ waiting: [(Int, SubscriberCore)], until end: UInt64) -> [Int] {
    // Ends: at `end` at the latest.
    while true {
      let ready = waiting.filter { $0.1.lookAround() == .ready }.map(\.0)
      if !ready.isEmpty || Clock.monotonic() >= end { return ready }
      for _ in 0..<64 { shmbus_pause() }
    }
  }

  /// The handshake of a wait, for all at once: who is ready, and for how long the others may sleep.
  private static func look(_ waiting: [(Int, SubscriberCore)]) -> (ready: [Int], longest: UInt64) {
    for (_, core) in waiting { core.waiter.announce(core.sleepMask, core.sleepWords) }  // W1, W2
    let fenced = ProcessBarrier.fence()  // W3
    var longest = Waiter.longestSleep(.idle, fenced: fenced)
    var ready: [Int] = []
    for (place, core) in waiting {
      let found = core.lookAround()  // W4
      if found == .ready { ready.append(place) }
      longest = min(longest, Waiter.longestSleep(found, fenced: fenced))
    }
    return (ready, longest)
  }

  private static func sleep(_ waiting: [(Int, SubscriberCore)], atMost longest: UInt64) {
    let waiters = waiting.map(\.1.waiter)
    // The kernel takes 128 words at a time: with more, the rest is looked at once a millisecond.
    let words = unsafe waiters.prefix(Futex.maximumWords).map { unsafe $0.word }
    let limit = waiters.count <= Futex.maximumWords ? longest : min(longest, 1_000_000)
    let slept = unsafe words.isEmpty ? nil : try? Futex.waitAny(words, for: limit)
    if slept == nil {
      usleep(UInt32(min(limit, 1_000_000) / 1_000) + 1)
    }
    for waiter in waiters {
      waiter.drain()
      waiter.withdraw()
    }
  }
}

@available(*, unavailable)
extension SubscriberSet: Sendable {}

import CShmBus

/// One endpoint's way of waiting: spin, then sleep on its own semaphore.
@safe
struct Waiter: @unchecked Sendable {
  let map: ControlMap
  let row: Int
  let strategy: WaitStrategy

  /// What a look around found.
  enum Look {
    /// There is something to do.
    case ready
    /// Nothing has happened yet; whoever makes it happen will wake us.
    case idle
    /// A claim is open ahead: its owner may be dead, and nobody wakes for that.
    case stuck
    /// Nothing has happened yet, and others share the work whose death nobody wakes for.
    case company
  }

  /// The longest sleep, in nanoseconds. Even a wake that is lost only delays: nobody wakes for the dead, and
  /// without the barrier a commit may go unseen for a moment.
  static func longestSleep(_ found: Look, fenced: Bool) -> UInt64 {
    let longest: UInt64 =
      switch found {
      case .stuck: 2_000_000
      case .company: 5_000_000
      case .ready, .idle: 100_000_000
      }
    return fenced ? longest : min(longest, 1_000_000)
  }

  /// W1, W2: says which partitions it is about to sleep on. A fence and another look must follow.
  func announce(_ mask: UInt64, _ words: [SharedWord]) {
    map.endpoint(row).asleep.storeRelease(mask)  // W1
    for word in words { word.storeRelease(1) }  // W2
  }

  /// It is awake.
  func withdraw() { map.endpoint(row).asleep.storeRelease(0) }

  private var semaphore: Semaphore { unsafe Semaphore(map.endpoint(row).semaphore) }

  /// The word it sleeps on.
  var word: UnsafeRawPointer { unsafe semaphore.word }

  /// Takes the wakes given so far.
  func drain() { _ = semaphore.take() }

  /// Waits until `look` says ready or `deadline` (``Clock/monotonic()``) has passed; returns whether it is
  /// ready. `words` are the partitions' words this waiter sleeps on, `mask` their bits. While it spins it only
  /// asks `glance`, which must touch nothing but the lines that will bring the news, and looks when that says
  /// so, or now and then.
  func wait(
    until deadline: UInt64, mask: UInt64, words: [SharedWord], glance: () -> Bool,
    look: () -> Look
  ) -> Bool {
    if spin(until: deadline, glance, look) { return true }
    // Ends: at the deadline at the latest.
    while true {
      announce(mask, words)
      let fenced = ProcessBarrier.fence()  // W3
      let found = look()  // W4
      let now = Clock.monotonic()
      if found == .ready || now >= deadline {
        withdraw()
        return found == .ready
      }
      _ = semaphore.wait(for: min(Self.longestSleep(found, fenced: fenced), deadline - now))
      withdraw()
      if look() == .ready { return true }
    }
  }

  /// Glances again and again, with longer pauses as the wait grows: an empty glance at a contended
  /// line costs its owner too, and a long pause early would cost the answer to a quick question.
  private func spin(until deadline: UInt64, _ glance: () -> Bool, _ look: () -> Look) -> Bool {
    guard strategy.spinNanoseconds > 0 else { return look() == .ready }
    let end = min(deadline, Clock.deadline(in: strategy.spinNanoseconds))
    var pauses = 1
    // Ends: at the deadline at the latest.
    while true {
      for _ in 0..<64 {
        if glance(), look() == .ready { return true }
        for _ in 0..<pauses { shmbus_pause() }
      }
      if look() == .ready { return true }
      if Clock.monotonic() >= end { return false }
      pauses = min(64, pauses &* 2)
    }
  }
}

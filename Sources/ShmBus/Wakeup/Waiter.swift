import CShmBus

/// One endpoint's way of waiting: spin, then sleep on its own semaphore.
@safe
struct Waiter {
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
  }

  /// The longest sleeps, in nanoseconds. Even a wake that is lost only delays.
  private static let longestIdleSleep: UInt64 = 100_000_000
  private static let longestStuckSleep: UInt64 = 2_000_000
  private static let longestUnfencedSleep: UInt64 = 1_000_000

  /// Waits until `look` says ready or `deadline` (``Clock/monotonic()``) has passed; returns whether it is
  /// ready. `words` are the partitions' words this waiter sleeps on, `mask` their bits. While it spins it only
  /// asks `glance`, which must touch nothing but the lines that will bring the news, and looks when that says
  /// so, or now and then.
  func wait(
    until deadline: UInt64, mask: UInt64, words: [SharedWord], glance: () -> Bool,
    look: () -> Look
  ) -> Bool {
    if spin(until: deadline, glance, look) { return true }
    let endpoint = map.endpoint(row)
    let semaphore = unsafe Semaphore(endpoint.semaphore)
    // Ends: at the deadline at the latest.
    while true {
      endpoint.asleep.storeRelease(mask)  // W1
      for word in words { word.storeRelease(1) }  // W2
      let fenced = ProcessBarrier.fence()  // W3
      let found = look()  // W4
      let now = Clock.monotonic()
      if found == .ready || now >= deadline {
        endpoint.asleep.storeRelease(0)
        return found == .ready
      }
      var longest = found == .stuck ? Self.longestStuckSleep : Self.longestIdleSleep
      if !fenced { longest = min(longest, Self.longestUnfencedSleep) }
      _ = semaphore.wait(for: min(longest, deadline - now))
      endpoint.asleep.storeRelease(0)
      if look() == .ready { return true }
    }
  }

  /// Glances again and again, each time after a longer pause (up to 64): an empty glance at a contended line
  /// costs its owner too.
  private func spin(until deadline: UInt64, _ glance: () -> Bool, _ look: () -> Look) -> Bool {
    guard strategy.spinNanoseconds > 0 else { return look() == .ready }
    let end = min(deadline, Clock.deadline(in: strategy.spinNanoseconds))
    var pauses = 1
    // Ends: at the deadline at the latest.
    while true {
      for _ in 0..<64 {
        if glance(), look() == .ready { return true }
        for _ in 0..<pauses { shmbus_pause() }
        if pauses < 64 { pauses &*= 2 }
      }
      if look() == .ready { return true }
      if Clock.monotonic() >= end { return false }
    }
  }
}

/// How long a reader that has caught up holds back before it looks again. Private memory.
///
/// Right behind a publisher that never rests, each look at the next slot takes away a line that is just being
/// written, and both go at the pace of lines that travel to and fro. So after each long run of messages the
/// reader lets the publisher get a little further ahead. The first short run ends that: single messages,
/// questions and answers are never kept waiting.
struct ReadingPace {
  /// A run of fewer messages between two waits is short.
  static var longRun: UInt64 { 16 }
  /// So is one with less than a message for each so many nanoseconds of the pause before it.
  static var paceOfLongRuns: UInt64 { 64 }
  /// The longest pause, in nanoseconds.
  static var longest: UInt64 { 8_000 }
  /// Nanoseconds for each slot of the ring: no publisher fills a slot sooner, so that the ring has room for
  /// what comes meanwhile.
  static var perSlot: UInt64 { 4 }

  private var pause: UInt64 = 0
  private var lastCount: UInt64 = 0

  /// How many nanoseconds to pause, by the number of messages read so far and the ring's slots.
  mutating func pause(afterReading count: UInt64, capacity: UInt64) -> UInt64 {
    let run = count &- lastCount
    lastCount = count
    if run < max(Self.longRun, pause / Self.paceOfLongRuns) {
      pause = 0
    } else {
      pause = min(2 * pause + 32, Self.longest, capacity * Self.perSlot)
    }
    return pause
  }
}

/// How long a reader that has caught up holds back before it looks again. Private memory.
///
/// Right behind a publisher that never rests, each look at the next slot takes away a line that is just being
/// written, and both go at the pace of lines that travel to and fro. So after each long run of messages the
/// reader lets the publisher get a little further ahead. The first short run ends that: single messages,
/// questions and answers are never kept waiting.
struct ReadingPace {
  /// A run of so many messages between two waits is long.
  static var longRun: UInt64 { 16 }
  /// The most pauses: one or two microseconds.
  static var longest: Int { 63 }

  private var pauses = 0
  private var lastCount: UInt64 = 0

  /// How many pauses to make, by the number of messages read so far.
  mutating func pauses(afterReading count: UInt64) -> Int {
    pauses = count &- lastCount < Self.longRun ? 0 : min(Self.longest, pauses &* 2 &+ 1)
    lastCount = count
    return pauses
  }
}

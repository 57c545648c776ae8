/// How a thread waits for a message, or for room: it spins for a while, then sleeps in the kernel.
///
/// A wake from sleep costs about 25 µs across cores; spinning answers within a cache-line transfer and keeps
/// a core busy meanwhile.
public struct WaitStrategy: Sendable, Equatable {
  /// How long to spin before sleeping, in nanoseconds; `UInt64.max` never sleeps.
  public var spinNanoseconds: UInt64

  /// Spins for this long, then sleeps.
  public init(spinNanoseconds: UInt64) { self.spinNanoseconds = spinNanoseconds }

  /// Spins for 20 µs, about the cost of a sleep, then sleeps: right for most.
  public static let balanced = WaitStrategy(spinNanoseconds: 20_000)
  /// Never sleeps: the lowest latency, and a whole core.
  public static let spin = WaitStrategy(spinNanoseconds: .max)
  /// Sleeps at once: the least CPU.
  public static let sleep = WaitStrategy(spinNanoseconds: 0)
}

import CShmBus
import Glibc

/// The kernel's clocks, in nanoseconds.
enum Clock {
  /// Since 1970. May go back when somebody sets the clock.
  static func realtime() -> UInt64 { read(CLOCK_REALTIME) }

  /// The same as of the kernel's last tick, up to 10 ms ago, for a fifth of the cost.
  static func realtimeOfTick() -> UInt64 { read(CLOCK_REALTIME_COARSE) }

  /// Since some moment in the past, the same for all processes of the host. Never goes back.
  static func monotonic() -> UInt64 { read(CLOCK_MONOTONIC) }

  /// The CPU's cycle counter.
  @inline(__always)
  static func cycles() -> UInt64 { shmbus_cycles() }

  /// The monotonic time `nanoseconds` from now; the end of time where that is beyond it.
  static func deadline(in nanoseconds: UInt64) -> UInt64 {
    let (deadline, overflow) = monotonic().addingReportingOverflow(nanoseconds)
    return overflow ? .max : deadline
  }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    // It cannot fail for these clocks.
    unsafe _ = clock_gettime(clock, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}

/// CLOCK_REALTIME from the cycle counter: nanoseconds since 1970, for a nanosecond or two.
///
/// It follows a straight line through a reading of the kernel's clock, drawn anew about once a
/// second, and at once after a pause of that length.
///
/// - An instance never goes back. Set the clock back, and it repeats its last time until the clock
///   has caught up with it.
/// - It is within 1 us of `clock_gettime` in 99 of 100 readings of an idle host. A clock that is
///   set, or begins to be slewed, is followed at the next drawing: at most a second later.
/// - Where the kernel does not keep time by the counter itself, each call reads the kernel's clock.
///
/// Plain bytes for one thread at a time; zeroed memory is a valid instance.
@frozen @usableFromInline
struct TSCClock: BitwiseCopyable {
  /// The line: at `baseCycles` it was `baseTime`, and a cycle lasts `multiplier` / 2^32 ns.
  @usableFromInline var baseCycles: UInt64 = 0
  @usableFromInline var baseTime: UInt64 = 0
  @usableFromInline var multiplier: UInt64 = 0
  /// Cycles from `baseCycles` for which the line may be used; 0 = no line, ask the kernel.
  @usableFromInline var span: UInt64 = 0
  /// The last time handed out.
  @usableFromInline var last: UInt64 = 0

  /// Where the measurement of the counter's rate began, against CLOCK_MONOTONIC; 0 = not yet.
  @usableFromInline var anchorCycles: UInt64 = 0
  @usableFromInline var anchorTime: UInt64 = 0

  @inlinable
  init() {}

  @inlinable @inline(__always)
  mutating func now() -> UInt64 {
    // A counter that went back (another machine, a resumed host) wraps to a huge number here.
    let elapsed = shmbus_cycles() &- baseCycles
    if rarely(elapsed >= span) { return unsafe TSCClock.recalibrate(&self) }
    // No overflow: a span is at most a second, which is 2^62.
    last = max(last, baseTime &+ (elapsed &* multiplier) &>> 32)
    return last
  }
}

import CShmBus
import Synchronization

extension TSCClock {
  /// Shortest measurement of the rate that a line is drawn from, and longest use of a line.
  ///
  /// A line is used no longer than its rate was measured, so that the error of the two readings
  /// (some 20 ns each) is at most doubled by its end; the measurement grows from one to the other.
  private static let shortest: UInt64 = 2_000_000
  private static let longest: UInt64 = 1_000_000_000

  /// The last good multiplier of any instance of this process, for the first moments of the next;
  /// 0 = none. Relaxed: a hint that stands alone.
  private static let knownMultiplier = Atomic<UInt64>(0)

  /// Whether the kernel itself keeps time by the counter. A counter that it has found wanting
  /// (unsynchronised cores, a hypervisor without scaling) is not better in our hands.
  static let counterKeepsTime: Bool = {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    guard shmbus_counter_is_invariant() == 1, let source = try? KernelFile.line(at: path) else {
      return false
    }
    return source == "tsc" || source == "arch_sys_counter"
  }()

  /// Draws a new line and returns the time.
  ///
  /// A function of a pointer and out of line: as a method it would cost every `now` its registers.
  @inline(never) @usableFromInline
  static func recalibrate(_ clock: UnsafeMutablePointer<TSCClock>) -> UInt64 {
    if counterKeepsTime {
      let known = knownMultiplier.load(ordering: .relaxed)
      unsafe clock.pointee.follow(ClockReading.best(), known: known)
      let found = unsafe clock.pointee.multiplier
      if found != known { knownMultiplier.store(found, ordering: .relaxed) }
    } else {
      unsafe clock.pointee.last = max(clock.pointee.last, Clock.realtime())
    }
    return unsafe clock.pointee.last
  }

  /// Draws the line through `reading`.
  ///
  /// A new process has no rate yet (`known` is 0): until it has been measured for `shortest`, every
  /// time is a reading. Nobody waits.
  mutating func follow(_ reading: ClockReading, known: UInt64) {
    let measuredFor = reading.monotonic &- anchorTime
    if anchorTime == 0 || (multiplier == 0 && known != 0) {
      restart(at: reading, multiplier: known)
    } else if measuredFor >= Self.shortest {
      let rate = Double(measuredFor) / Double(reading.monotonicCycles &- anchorCycles)
      if let measured = plausible(rate) {
        multiplier = measured
        let useFor = min(measuredFor, Self.longest)
        span = cycles(in: useFor)
        if useFor == Self.longest { setAnchor(reading) }
      } else {
        restart(at: reading, multiplier: 0)
      }
    }
    baseCycles = reading.realtimeCycles
    baseTime = reading.realtime
    last = max(last, reading.realtime)
  }

  /// The multiplier for `rate` nanoseconds a cycle; nil where it cannot be.
  ///
  /// The kernel slews its clocks by 500 parts in a million at most. A larger change is a counter
  /// that was stopped, reset or replaced in the middle: a suspended or migrated machine.
  private func plausible(_ rate: Double) -> UInt64? {
    guard rate > 0.001, rate < 1000 else { return nil }
    let measured = UInt64(rate * 0x1p32)
    if multiplier == 0 { return measured }
    let change = max(measured, multiplier) - min(measured, multiplier)
    return change <= multiplier >> 10 ? measured : nil
  }

  /// Begins to measure the rate; meanwhile uses `multiplier`, or, where that is 0, no line.
  private mutating func restart(at reading: ClockReading, multiplier: UInt64) {
    setAnchor(reading)
    self.multiplier = multiplier
    span = multiplier == 0 ? 0 : cycles(in: Self.shortest)
  }

  private mutating func setAnchor(_ reading: ClockReading) {
    anchorCycles = reading.monotonicCycles
    anchorTime = reading.monotonic
  }

  private func cycles(in nanoseconds: UInt64) -> UInt64 { (nanoseconds << 32) / multiplier }
}

/// Both clocks of the kernel, each with the counter's value in the middle of reading it.
///
/// The rate is taken from CLOCK_MONOTONIC, which runs as CLOCK_REALTIME does but is never set.
struct ClockReading {
  var realtime: UInt64
  var realtimeCycles: UInt64
  var monotonic: UInt64
  var monotonicCycles: UInt64

  /// The tightest of several: an interrupt or a preempted virtual CPU spoils one, not all.
  static func best() -> ClockReading {
    var (best, narrowest) = take()
    for _ in 1..<4 {
      let (reading, width) = take()
      if width < narrowest { (best, narrowest) = (reading, width) }
    }
    return best
  }

  private static func take() -> (ClockReading, width: UInt64) {
    let first = shmbus_cycles_ordered()
    let realtime = Clock.realtime()
    let second = shmbus_cycles_ordered()
    let monotonic = Clock.monotonic()
    let third = shmbus_cycles_ordered()
    let reading = ClockReading(
      realtime: realtime, realtimeCycles: first &+ (second &- first) / 2,
      monotonic: monotonic, monotonicCycles: second &+ (third &- second) / 2)
    return (reading, third &- first)
  }
}

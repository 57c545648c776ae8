import CShmBus
import Testing

@testable import ShmBus

@Suite struct ClockTests {
  @Test func itStaysWithTheKernelsClockAndNeverGoesBack() {
    var clock = TSCClock()
    var previous: UInt64 = 0
    var errors: [UInt64] = []
    for index in 0..<20_000 {
      let before = Clock.realtime()
      let now = clock.now()
      let after = Clock.realtime()
      #expect(now >= previous)
      previous = now
      // How far outside the bracket: preemption widens the bracket, never this.
      errors.append(now < before ? before - now : now > after ? now - after : 0)
      // Spread over every phase: before the first line, short lines, longer ones.
      if index % 100 == 0 { pauseFor(nanoseconds: 500_000) }
    }
    errors.sort()
    // A host under load may misplace all of a reading's brackets; an idle one stays below 1 us.
    #expect(errors[errors.count / 2] < 20_000)
    #expect(errors[errors.count * 99 / 100] < 200_000)
    #expect(errors[errors.count - 1] < 1_000_000)
  }

  @Test func theFirstTimeOfAnInstanceIsRight() {
    for _ in 0..<200 {
      var clock = TSCClock()
      let before = Clock.realtime()
      let now = clock.now()
      #expect(now >= before && now <= Clock.realtime())
    }
  }

  @Test func monotonicTimeAndCyclesAdvance() {
    let (time, cycles) = (Clock.monotonic(), Clock.cycles())
    pauseFor(nanoseconds: 1_000_000)
    #expect(Clock.monotonic() > time)
    #expect(Clock.cycles() > cycles)
    #expect(Clock.deadline(in: .max) == .max)
  }

  private func pauseFor(nanoseconds: UInt64) {
    let deadline = Clock.deadline(in: nanoseconds)
    while Clock.monotonic() < deadline { shmbus_pause() }
  }
}

/// The line itself, against a counter of 2 GHz and clocks that the test sets.
@Suite struct ClockCalibrationTests {
  private static let twoGigahertz: UInt64 = 1 << 31
  private static let start: UInt64 = 1_000_000_000_000

  /// What the kernel would say `nanoseconds` after the start, with the wall clock set by `step`.
  private static func reading(
    after nanoseconds: UInt64, step: Int64 = 0, cyclesPerMicrosecond: UInt64 = 2000
  ) -> ClockReading {
    let cycles = 5000 + nanoseconds * cyclesPerMicrosecond / 1000
    return ClockReading(
      realtime: UInt64(Int64(1_700_000_000_000_000_000 + nanoseconds) + step),
      realtimeCycles: cycles, monotonic: start + nanoseconds, monotonicCycles: cycles)
  }

  @Test func aNewProcessReadsTheKernelsClockUntilItKnowsTheRate() {
    var clock = TSCClock()
    clock.follow(Self.reading(after: 0), known: 0)
    #expect(clock.span == 0)
    clock.follow(Self.reading(after: 1_000_000), known: 0)
    #expect(clock.span == 0)
    clock.follow(Self.reading(after: 2_000_000), known: 0)
    #expect(clock.multiplier == Self.twoGigahertz)
    #expect(clock.span == 4_000_000)
  }

  @Test func aLineIsUsedAsLongAsItsRateWasMeasuredAndAtMostASecond() {
    var clock = TSCClock()
    clock.follow(Self.reading(after: 0), known: 0)
    var time: UInt64 = 2_000_000
    for _ in 0..<20 {
      clock.follow(Self.reading(after: time), known: 0)
      #expect(clock.span / 2 == min(time, 1_000_000_000))
      time += clock.span / 2
    }
    #expect(clock.span == 2_000_000_000)
  }

  @Test func aKnownRateServesAtOnceButNotForLong() {
    var clock = TSCClock()
    clock.follow(Self.reading(after: 0), known: Self.twoGigahertz)
    #expect(clock.multiplier == Self.twoGigahertz)
    #expect(clock.span == 4_000_000)
  }

  @Test func aWallClockThatIsSetBackIsHeldAndOneSetForwardFollowed() {
    var clock = TSCClock()
    clock.follow(Self.reading(after: 0), known: Self.twoGigahertz)
    clock.follow(Self.reading(after: 10_000_000), known: 0)
    let last = clock.last
    clock.follow(Self.reading(after: 20_000_000, step: -3_600_000_000_000), known: 0)
    #expect(clock.last == last)
    // The rate is not touched by it.
    #expect(clock.multiplier == Self.twoGigahertz)
    clock.follow(Self.reading(after: 30_000_000, step: 3_600_000_000_000), known: 0)
    #expect(clock.last == Self.reading(after: 30_000_000).realtime + 3_600_000_000_000)
  }

  @Test(arguments: [0, 1000, 4000] as [UInt64])
  func aCounterThatChangedItsPaceIsMeasuredAnew(pace: UInt64) {
    var clock = TSCClock()
    clock.follow(Self.reading(after: 0), known: Self.twoGigahertz)
    clock.follow(Self.reading(after: 10_000_000, cyclesPerMicrosecond: pace), known: 0)
    #expect(clock.multiplier == 0)
    #expect(clock.span == 0)
    #expect(clock.last == Self.reading(after: 10_000_000).realtime)
    guard pace > 0 else { return }
    clock.follow(Self.reading(after: 20_000_000, cyclesPerMicrosecond: pace), known: 0)
    #expect(clock.multiplier == 2000 * Self.twoGigahertz / pace)
  }
}

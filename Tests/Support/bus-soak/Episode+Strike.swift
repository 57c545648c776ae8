import Glibc
import TestSupport

// What befalls the processes.

extension Episode {
  /// One random event.
  func strike() throws {
    let upright = living.filter { $0.stopped == nil && !$0.isKilled }
    guard let victim = upright.randomElement(using: &seed) else { return }
    switch seed.next() % 100 {
    case 0..<30:
      aim(at: victim)
      kill(victim)
    case 30..<58:
      aim(at: victim)
      stop(victim)
    case 58..<68: flurry(victim)
    case 68..<80:
      tally[.leaves] += 1
      victim.diary.order = .leave
    case 80..<86: massacre(living(on: victim.place).filter(\.isPublisher))
    case 86..<90: massacre(living(on: victim.place).filter { !$0.isPublisher })
    case 90..<93: massacre(living(on: victim.place))
    case 93: massacre(living)
    case 94..<98:
      let length = seed.next() % 400_000_000
      for publisher in living(on: victim.place) where publisher.isPublisher {
        stop(publisher, for: length)
      }
    default:
      // Fewer than the bus has rows.
      if living(on: victim.place).count(where: \.isPublisher) < 10 {
        try start(.publisher, on: victim.place)
      }
    }
  }

  /// Most of the time a publisher is hit in the middle of something, or with so many open loans; else
  /// wherever it is.
  private func aim(at victim: Member) {
    let loans = Int(seed.next() % 6)
    guard victim.isPublisher, loans < 4 else { return }
    let end = monotonicNanoseconds() + 5_000_000
    let diary = victim.diary
    while loans == 0 ? !diary.isMidway : diary.openLoans < loans, monotonicNanoseconds() < end {}
  }

  /// Mostly short, at times for longer than the bus waits; some never go on.
  private func stop(_ victim: Member) {
    let range: UInt64 = [20, 20, 20, 150, 800][Int(seed.next() % 5)]
    stop(victim, for: seed.next() % (range * 1_000_000), isLast: seed.oneIn(5))
  }

  /// Stops and goes on at many places of its code.
  private func flurry(_ victim: Member) {
    for _ in 0..<20 {
      stop(victim, for: 0)
      _ = usleep(UInt32(seed.next() % 300))
      victim.goOn()
      _ = usleep(UInt32(seed.next() % 300))
    }
  }

  func massacre(_ victims: [Member]) {
    tally[.massacres] += 1
    for victim in victims { kill(victim) }
  }
}

import CShmBus
import Glibc
import Synchronization

/// Two threads, a word, and the kernel's wait and wake: the limit of all that sleeps.
@safe
struct FutexPair {
  private let processors: [Int]

  init(_ processors: [Int]) { self.processors = processors }

  /// Nanoseconds from before the store to after the sleep.
  func wake(rounds: Int) -> Percentiles {
    let lines = Lines(byteCount: 4096)
    let waiter = Thread(on: processors[1]) {
      for round in 1...UInt32(rounds) {
        // Ends: with the store of the round.
        while unsafe lines.half(at: 0).pointee.load(ordering: .acquiring) != round {
          _ = unsafe shmbus_futex_wait(lines.half(at: 0), round - 1, 1_000_000_000)
        }
        let now = shmbus_cycles()
        unsafe lines.word(at: 128).pointee.store(now, ordering: .releasing)
      }
    }
    let times = Thread.run(on: processors[0]) {
      var times: [UInt64] = []
      for round in 1...UInt32(rounds) {
        // Busy, as the publisher is meanwhile, and long enough for the other to be asleep again.
        let asleep = Cycles.monotonic() + 300_000
        while Cycles.monotonic() < asleep { shmbus_pause() }
        unsafe lines.word(at: 128).pointee.store(0, ordering: .relaxed)
        let start = shmbus_cycles()
        unsafe lines.half(at: 0).pointee.store(round, ordering: .releasing)
        _ = unsafe shmbus_futex_wake(lines.half(at: 0), 1)
        var woken: UInt64 = 0
        while woken == 0 {
          woken = unsafe lines.word(at: 128).pointee.load(ordering: .acquiring)
          if woken == 0 { sched_yield() }
        }
        times.append(UInt64(Cycles.nanoseconds(woken &- start)))
      }
      return times
    }
    waiter.join()
    return Percentiles(times)
  }
}

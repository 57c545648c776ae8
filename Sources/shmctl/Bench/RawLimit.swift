import CShmBus
import Glibc
import Synchronization
import ToolSupport

/// What the host's caches can do, with no bus at all: the limit that each figure stands beside.
///
/// Two threads on two processors, and nothing but plain stores, loads and copies between them.
@safe
struct RawLimit {
  private let processors: (Int, Int)

  /// Nil where there are not two processors.
  init?(_ processors: [Int]) {
    guard processors.count > 1 else { return nil }
    self.processors = (processors[0], processors[1])
  }

  /// Nanoseconds for a line there and a line back, as the median of many.
  func roundTrip(rounds: Int = 200_000) -> Double {
    let lines = Lines(byteCount: 256)
    let partner = Thread(on: processors.1) {
      let there = unsafe lines.word(at: 0)
      let back = unsafe lines.word(at: 128)
      for round in 1...UInt64(rounds) {
        unsafe Self.spin(until: there, is: round)
        unsafe back.pointee.store(round, ordering: .releasing)
      }
    }
    let times = Thread.run(on: processors.0) {
      var times = [UInt64](repeating: 0, count: rounds)
      let there = unsafe lines.word(at: 0)
      let back = unsafe lines.word(at: 128)
      for round in 1...UInt64(rounds) {
        let start = shmbus_cycles()
        unsafe there.pointee.store(round, ordering: .releasing)
        unsafe Self.spin(until: back, is: round)
        times[Int(round) - 1] = shmbus_cycles() &- start
      }
      return times
    }
    partner.join()
    return Cycles.nanoseconds(Percentiles(times).p50)
  }

  /// Messages a second through a bare ring: a payload and a word that says it is there.
  func messagesPerSecond(size: Int, slots: Int, seconds: Double) -> Double {
    let cell = (size + 63) / 64 * 64
    let lines = Lines(byteCount: 256 + slots * (64 + cell))
    let writer = Thread(on: processors.1) {
      Self.write(lines, size: size, cell: cell, slots: slots, seconds: seconds)
    }
    let rate = Thread.run(on: processors.0) {
      Self.read(lines, size: size, cell: cell, slots: slots)
    }
    writer.join()
    return rate
  }

  private static func write(_ lines: Lines, size: Int, cell: Int, slots: Int, seconds: Double) {
    let consumed = unsafe lines.word(at: 128)
    let payload = [UInt8](repeating: 7, count: size)
    let end = Cycles.count(in: seconds) &+ shmbus_cycles()
    var next: UInt64 = 0
    var limit = UInt64(slots)
    // Ends: by the counter; the last word says so.
    while true {
      if next == limit {
        while unsafe consumed.pointee.load(ordering: .acquiring) &+ UInt64(slots) == limit {
          shmbus_pause()
        }
        limit = unsafe consumed.pointee.load(ordering: .acquiring) &+ UInt64(slots)
      }
      let slot = Int(next) & (slots - 1)
      let isLast = next & 1023 == 1023 && shmbus_cycles() >= end
      unsafe memcpy(lines.base + 256 + slots * 64 + slot * cell, payload, size)
      unsafe lines.base.storeBytes(
        of: UInt64(size), toByteOffset: 256 + slot * 64 + 8, as: UInt64.self)
      let word = (next &+ 1) &<< 1 | (isLast ? 1 : 0)
      unsafe lines.word(at: 256 + slot * 64).pointee.store(word, ordering: .releasing)
      next &+= 1
      if isLast { return }
    }
  }

  private static func read(_ lines: Lines, size: Int, cell: Int, slots: Int) -> Double {
    let consumed = unsafe lines.word(at: 128)
    var next: UInt64 = 0
    var sum: UInt64 = 0
    var start: UInt64 = 0
    // Ends: with the last word.
    while true {
      let slot = Int(next) & (slots - 1)
      let word = unsafe lines.word(at: 256 + slot * 64)
      var found = unsafe word.pointee.load(ordering: .acquiring)
      while found &>> 1 != next &+ 1 {
        shmbus_pause()
        found = unsafe word.pointee.load(ordering: .acquiring)
      }
      if next == 0 { start = shmbus_cycles() }
      sum &+= unsafe lines.base.loadUnaligned(
        fromByteOffset: 256 + slots * 64 + slot * cell, as: UInt64.self)
      next &+= 1
      if next & 31 == 0 { unsafe consumed.pointee.store(next, ordering: .releasing) }
      if found & 1 == 1 { break }
    }
    let elapsed = Cycles.nanoseconds(shmbus_cycles() &- start)
    precondition(sum != 0, "the payloads were read")
    return Double(next) / elapsed * 1e9
  }

  private static func spin(until word: UnsafePointer<Atomic<UInt64>>, is value: UInt64) {
    while unsafe word.pointee.load(ordering: .acquiring) != value {}
  }
}

/// Memory of the process's own, touched before use.
@safe
final class Lines: @unchecked Sendable {
  let base: UnsafeMutableRawPointer

  init(byteCount: Int) {
    unsafe base = .allocate(byteCount: byteCount, alignment: 4096)
    unsafe memset(base, 0, byteCount)
  }

  deinit { unsafe base.deallocate() }

  func word(at offset: Int) -> UnsafePointer<Atomic<UInt64>> {
    unsafe UnsafePointer((base + offset).assumingMemoryBound(to: Atomic<UInt64>.self))
  }

  /// Half a word, as the kernel waits for.
  func half(at offset: Int) -> UnsafePointer<Atomic<UInt32>> {
    unsafe UnsafePointer((base + offset).assumingMemoryBound(to: Atomic<UInt32>.self))
  }
}

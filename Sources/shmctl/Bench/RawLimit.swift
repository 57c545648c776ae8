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

  /// How long a line there and a line back take.
  func roundTrip(rounds: Int = 200_000) -> Percentiles {
    // The first ones wait for the partner, and touch what nobody has touched.
    let untimed: UInt64 = 1000
    let last = UInt64(rounds) + untimed
    let lines = Lines(byteCount: 256)
    let partner = Thread(on: processors.1) {
      let there = unsafe lines.word(at: 0)
      let back = unsafe lines.word(at: 128)
      for round in 1...last {
        unsafe Self.spin(until: there, is: round)
        unsafe back.pointee.store(round, ordering: .releasing)
      }
    }
    let times = Thread.run(on: processors.0) {
      let times = Histogram()
      let there = unsafe lines.word(at: 0)
      let back = unsafe lines.word(at: 128)
      for round in 1...last {
        let start = shmbus_cycles()
        unsafe there.pointee.store(round, ordering: .releasing)
        unsafe Self.spin(until: back, is: round)
        let time = shmbus_cycles() &- start
        if round > untimed { times.add(time) }
      }
      return times
    }
    partner.join()
    return Percentiles(times, unit: Cycles.nanoseconds)
  }

  /// Bytes a second that memcpy brings from one to the other, through a ring of about so many bytes.
  func bytesPerSecond(ringBytes: Int, seconds: Double) -> Double {
    let size = 1 << 16
    var slots = 4
    while slots * size < ringBytes { slots *= 2 }
    let copies = messagesPerSecond(size: size, slots: slots, seconds: seconds, copies: true)
    return Double(size) * copies
  }

  /// Messages a second through a bare ring: a payload and a word that says it is there. The reader looks at
  /// the first word of each, or copies all of it.
  func messagesPerSecond(
    size: Int, slots: Int, seconds: Double, copies: Bool = false
  ) -> Double {
    let cell = (size + 63) / 64 * 64
    let lines = Lines(byteCount: 256 + slots * (64 + cell))
    let writer = Thread(on: processors.1) {
      Self.write(lines, size: size, cell: cell, slots: slots, seconds: seconds)
    }
    let rate = Thread.run(on: processors.0) {
      Self.read(lines, size: size, cell: cell, slots: slots, copies: copies)
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
      let isLast = next & 1023 == 1023 && shmbus_cycles() >= end
      put(payload, lines, next, cell: cell, slots: slots, isLast: isLast)
      next &+= 1
      if isLast { return }
    }
  }

  /// A payload, its length, and the word that says it is there.
  @inline(__always)
  private static func put(
    _ payload: [UInt8], _ lines: Lines, _ number: UInt64, cell: Int, slots: Int, isLast: Bool
  ) {
    let slot = Int(number) & (slots - 1)
    unsafe memcpy(lines.base + 256 + slots * 64 + slot * cell, payload, payload.count)
    unsafe lines.base.storeBytes(
      of: UInt64(payload.count), toByteOffset: 256 + slot * 64 + 8, as: UInt64.self)
    let word = (number &+ 1) &<< 1 | (isLast ? 1 : 0)
    unsafe lines.word(at: 256 + slot * 64).pointee.store(word, ordering: .releasing)
  }

  /// Nanoseconds for a message into a bare ring that nobody reads; takes one processor.
  static func nanosecondsToWrite(size: Int, slots: Int) -> Double {
    let cell = (size + 63) / 64 * 64
    let lines = Lines(byteCount: 256 + slots * (64 + cell))
    let payload = [UInt8](repeating: 7, count: size)
    let times = Histogram()
    for _ in 0..<200 {
      let start = shmbus_cycles()
      for number in 0..<UInt64(slots) {
        put(payload, lines, number, cell: cell, slots: slots, isLast: false)
      }
      times.add(shmbus_cycles() &- start)
    }
    return Percentiles(times, unit: Cycles.nanoseconds).p50 / Double(slots)
  }

  private static func read(
    _ lines: Lines, size: Int, cell: Int, slots: Int, copies: Bool
  ) -> Double {
    let copy = Lines(byteCount: max(64, size))
    let stride = UInt64(min(32, slots / 2))
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
      let payload = unsafe lines.base + (256 + slots * 64 + slot * cell)
      if copies { unsafe memcpy(copy.base, payload, size) }
      sum &+= unsafe (copies ? copy.base : payload).loadUnaligned(as: UInt64.self)
      next &+= 1
      if next & (stride &- 1) == 0 { unsafe consumed.pointee.store(next, ordering: .releasing) }
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
}

import CShmBus
import Glibc
import TestSupport

/// Writes garbage over everything it may: at random, and where it hurts.
///
/// What it does follows from its seed; when, and what the others are doing meanwhile, is the kernel's choice.
struct Vandal {
  let rights: Rights
  let control: Prey
  let partitions: [Prey]
  var seed: Seed
  private let seconds: Int

  init(_ words: Words) throws {
    rights = Rights(rawValue: words.text("rights")) ?? .subscriber
    seed = Seed(words.seed())
    seconds = words.number("seconds", 5)
    let prefix = words.text("prefix")
    control = try Prey(prefix + ".control")
    partitions =
      rights == .publisher
      ? try (0..<words.number("partitions", 1)).map { try Prey("\(prefix).p\($0)") } : []
  }

  mutating func rage() {
    say("ready")
    let end = monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
    var deeds = 0
    while monotonicNanoseconds() < end {
      deed()
      deeds += 1
      // Others must get on, or there is nothing to damage.
      usleep(UInt32.random(in: 0...1500, using: &seed))
    }
    say("done \(deeds) deeds")
  }

  private mutating func deed() {
    if !partitions.isEmpty, Bool.random(using: &seed) {
      return damage(partitions.randomElement(using: &seed)!)
    }
    switch Int.random(in: 0..<24, using: &seed) {
    case 0, 1: scatter(control, 1024..<control.byteCount)
    case 2, 3: field(of: header, in: 0)
    case 4, 5, 6: endpoint()
    case 7, 8, 9: head()
    case 10, 11: group()
    case 12, 13, 14: quarantine()
    case 15, 16: field(of: partitionRow, in: row(\.partition_table, 256, count(\.max_partitions)))
    case 17: flood()
    case 18, 19: storm(control, 1024..<control.byteCount)
    case 20: lock()
    default: control.restore(0..<control.byteCount)
    }
  }

  // ------------------------------------------------------------------------------ values, places

  /// Values at the edges of what the words of the layout can say, and what is there, changed a little.
  mutating func value(_ now: UInt64) -> UInt64 {
    let edges: [UInt64] = [
      0, 1, 2, 3, .max, .max - 1, 1 << 63, 1 << 52, (1 << 52) - 1, ((1 << 52) - 1) << 12, 1 << 40,
      1 << 32,
      (1 << 32) - 1, (1 << 31), 0x7fff_ffff_ffff_ffff, 0xffff, 4095, 1023, 1 << 54,
    ]
    switch Int.random(in: 0..<8, using: &seed) {
    case 0, 1: return edges.randomElement(using: &seed)!
    case 2: return now &+ 1
    case 3: return now &- UInt64.random(in: 1...4096, using: &seed)
    case 4: return now ^ (1 << UInt64.random(in: 0..<64, using: &seed))
    case 5: return now &+ (UInt64.random(in: 0...(1 << 20), using: &seed) << 12)
    case 6: return UInt64.random(in: 0..<256, using: &seed)
    default: return seed.next()
    }
  }

  /// A header's word of how many there are, as the bus was made.
  func count(_ field: KeyPath<shmbus_control_header, UInt32>) -> Int {
    let place = MemoryLayout<shmbus_control_header>.offset(of: field) ?? 0
    return Int(control.original(place) & 0xffff_ffff)
  }

  /// Where a table begins.
  func table(_ field: KeyPath<shmbus_control_header, UInt64>) -> Int {
    Int(control.original(MemoryLayout<shmbus_control_header>.offset(of: field) ?? 0))
  }

  mutating func row(
    _ field: KeyPath<shmbus_control_header, UInt64>, _ size: Int, _ count: Int
  ) -> Int { table(field) + size * Int.random(in: 0..<max(1, min(count, 12)), using: &seed) }

  private mutating func lock() {
    // Rows, the duties, creating and removing. Held for a moment only: who locks for ever holds others up,
    // and that is known.
    let bytes = [
      Int.random(in: 0..<count(\.max_publishers), using: &seed),
      count(\.max_publishers) + Int.random(in: 0..<16, using: &seed),
      Int(SHMBUS_LOCK_GROUPS), Int(SHMBUS_LOCK_ADMIN),
    ]
    var request = flock(
      l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET),
      l_start: bytes.randomElement(using: &seed)!, l_len: 1, l_pid: 0)
    let setLock: Int32 = 37
    guard unsafe fcntl(control.descriptor, setLock, &request) == 0 else { return }
    usleep(UInt32.random(in: 0...20_000, using: &seed))
    request.l_type = Int16(F_UNLCK)
    _ = unsafe fcntl(control.descriptor, setLock, &request)
  }
}

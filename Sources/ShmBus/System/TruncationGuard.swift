import CShmBus
import Glibc

/// Makes this process survive that somebody truncates a segment it uses.
///
/// Whoever may write a segment can also cut it short, by a stray `truncate` or a full copy over it. The next
/// touch of a page that is gone is SIGBUS, which ends the process. With the guard, a private page of zeroes
/// takes its place instead, and the endpoint is told at its next call: ``PublishError/truncated(partition:)``,
/// ``SubscribeError/truncated(partition:)``. Bytes of a message or loan that is held at that moment may read
/// as zeroes; what the next call throws says so.
///
/// The library installs no signal handler by itself: call ``install()`` once, early. The tools do.
public enum TruncationGuard {
  /// Installs the handler for SIGBUS. It acts only where a segment of this library is mapped, in any of the
  /// process's threads; every other SIGBUS goes to the handler that was there before. Again is nothing.
  ///
  /// Who installs a handler afterwards must pass on what is not its own. A system call that is given bytes of
  /// a page that is gone fails with `EFAULT`; there is no signal then.
  public static func install() { shmbus_mappings_guard() }
}

/// What befell a mapping of shared memory.
enum MappingFate: Equatable {
  case whole
  /// Somebody truncated the object, and a page that is gone was touched.
  case truncated
  /// This process is a forked child of the one that mapped it.
  case forked
}

/// Mappings as the guard and forked children know them (`shmbus_mappings.h`).
enum MappingTable {
  /// Notes a range; `words`, if any, become all ones when something befalls it.
  static func note(
    _ base: UnsafeMutableRawPointer, _ byteCount: Int, writable: Bool,
    words: AlarmWords = .none
  ) throws(SystemError) -> Int32 {
    try ForkGuard.register()
    let place = unsafe shmbus_mapping_note(
      base, byteCount, writable ? 1 : 0, words.first, words.count, words.stride)
    guard place >= 0 else {
      throw SystemError(call: "mmap", subject: "one mapping more", code: ENOMEM)
    }
    return place
  }

  /// Other words take the place of those that were noted: as far apart, and no fewer.
  static func move(_ place: Int32, to words: AlarmWords) {
    unsafe shmbus_mapping_move(place, words.first, words.count)
  }

  static func forget(_ place: Int32) { shmbus_mapping_forget(place) }

  /// Whether anything befell any mapping of this process: one load.
  static var hasLosses: Bool { shmbus_any_mapping_lost() != 0 }

  static func fate(_ place: Int32) -> MappingFate {
    switch Int(shmbus_mapping_fate(place)) {
    case SHMBUS_MAPPING_TRUNCATED: .truncated
    case SHMBUS_MAPPING_FORKED: .forked
    default: .whole
    }
  }
}

/// Words of an endpoint's private memory whose being all ones sends its next call to the slow path.
@safe
struct AlarmWords: @unchecked Sendable {
  let first: UnsafeMutablePointer<UInt64>?
  let count: Int
  let stride: Int

  static let none = unsafe AlarmWords(nil, count: 0, stride: 0)

  init(_ first: UnsafeMutableRawPointer?, count: Int, stride: Int) {
    unsafe self.first = first?.assumingMemoryBound(to: UInt64.self)
    self.count = count
    self.stride = stride
  }

  /// Once more: who was interrupted may have overwritten one.
  func fill() {
    guard let first = unsafe first else { return }
    for place in 0..<count {
      let word = unsafe UnsafeMutableRawPointer(first) + place * stride
      unsafe word.storeBytes(of: .max, as: UInt64.self)
    }
  }
}

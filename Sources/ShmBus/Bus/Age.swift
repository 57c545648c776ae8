/// How long ago something was, for people.
enum Age {
  /// "3.2 s", "12 min".
  static func text(nanoseconds: UInt64) -> String {
    let milliseconds = nanoseconds / 1_000_000
    switch milliseconds {
    case ..<60_000: return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    case ..<7_200_000: return "\(milliseconds / 60_000) min"
    default: return "\(milliseconds / 3_600_000) h"
    }
  }

  /// Since a time of the wall clock; 0 for one that is still to come.
  static func nanoseconds(since time: UInt64) -> UInt64 {
    let now = Clock.realtime()
    return now > time ? now - time : 0
  }

  static func text(since time: UInt64) -> String { text(nanoseconds: nanoseconds(since: time)) }
}

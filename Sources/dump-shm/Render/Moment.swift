import Glibc
import ToolSupport

/// Moments and spans of time as people read them.
enum Moment {
  /// Nanoseconds since 1970 in UTC: "2026-11-21 09:27:56.123456789"; the number itself where no clock can
  /// have shown it.
  static func text(_ nanoseconds: UInt64) -> String {
    guard nanoseconds < 7_258_118_400_000_000_000 else { return "\(nanoseconds)" }
    let fraction = "\(nanoseconds % 1_000_000_000)"
    return seconds(nanoseconds) + "." + String(repeating: "0", count: 9 - fraction.count) + fraction
  }

  /// The same to the second.
  static func seconds(_ nanoseconds: UInt64) -> String {
    var time = time_t(clamping: nanoseconds / 1_000_000_000)
    var parts = unsafe tm()
    _ = unsafe gmtime_r(&time, &parts)
    func two(_ value: Int32) -> String { (value < 10 ? "0" : "") + "\(value)" }
    let date = unsafe "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    let clock = unsafe "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    return "\(date) \(clock)"
  }

  /// How long before `now`: "12 s ago".
  static func age(_ nanoseconds: UInt64, at now: UInt64) -> String {
    guard nanoseconds > 0, nanoseconds <= now else { return "-" }
    let passed = now - nanoseconds
    let units: [(String, UInt64)] = [
      ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("min", 60_000_000_000),
      ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000),
    ]
    for (unit, length) in units where passed >= length { return "\(passed / length) \(unit) ago" }
    return "now"
  }

  static func nanoseconds(_ length: UInt64) -> String {
    length.isMultiple(of: 1_000_000_000)
      ? "\(length / 1_000_000_000) s" : "\(Numbers.grouped(length / 1_000_000)) ms"
  }
}

import Arguments
import Glibc

/// Times as people write them.
enum TimeText {
  /// How times may be written, for help.
  static let sentence = """
    T is 2026-11-21T09:30:00 (UTC, unless Z, +01:00 or the like follows), -10m for ten minutes ago, or \
    nanoseconds since 1970, as JSON has them.
    """

  /// Nanoseconds since 1970; nil for what is no time.
  static func read(_ text: some StringProtocol, now: UInt64) -> UInt64? {
    if text.hasPrefix("-") {
      return Form.duration.read(String(text.dropFirst())).map { time($0, before: now) }
    }
    guard text.allSatisfy({ ("0"..."9").contains($0) }) else { return calendar(String(text)) }
    // Seconds, milliseconds, or a year would be a moment of the first days of 1970.
    return UInt64(text).flatMap { $0 < 100_000_000_000_000_000 ? nil : $0 }
  }

  /// Nanoseconds since 1970, and no earlier.
  static func time(_ age: Duration, before now: UInt64) -> UInt64 {
    now - min(now, age.nanoseconds)
  }

  /// `YYYY-MM-DD`, perhaps `T` or a blank and `hh:mm:ss`, perhaps a fraction of a second, perhaps a
  /// zone.
  private static func calendar(_ text: String) -> UInt64? {
    var rest = text[...]
    guard let year = number(&rest, digits: 4), take("-", &rest),
      let month = number(&rest, digits: 2), take("-", &rest), let day = number(&rest, digits: 2),
      (1970...2500).contains(year)
    else { return nil }
    var clock: [Int32] = [0, 0, 0]
    if take("T", &rest) || take(" ", &rest) {
      guard let hours = number(&rest, digits: 2), take(":", &rest),
        let minutes = number(&rest, digits: 2), take(":", &rest),
        let seconds = number(&rest, digits: 2), hours < 24, minutes < 60, seconds < 60
      else { return nil }
      clock = [hours, minutes, seconds]
    } else if !rest.isEmpty {
      return nil
    }
    guard let fraction = fraction(&rest), let east = zone(rest),
      let seconds = seconds(year, month, day, clock), Int64(seconds) >= east
    else { return nil }
    return UInt64(Int64(seconds) - east) * 1_000_000_000 + fraction
  }

  /// Seconds since 1970 in UTC; nil for a day that the calendar does not have.
  private static func seconds(
    _ year: Int32, _ month: Int32, _ day: Int32, _ clock: [Int32]
  ) -> Int? {
    var parts = unsafe tm()
    unsafe parts.tm_year = year - 1900
    unsafe parts.tm_mon = month - 1
    unsafe parts.tm_mday = day
    unsafe parts.tm_hour = clock[0]
    unsafe parts.tm_min = clock[1]
    unsafe parts.tm_sec = clock[2]
    let seconds = unsafe timegm(&parts)
    // 31 February is made a day of March.
    return unsafe parts.tm_mday == day && parts.tm_mon == month - 1 ? seconds : nil
  }

  /// Nanoseconds, from a point and one to nine digits; 0 where there is no point.
  private static func fraction(_ text: inout Substring) -> UInt64? {
    guard take(".", &text) else { return 0 }
    let digits = text.prefix { ("0"..."9").contains($0) }
    guard (1...9).contains(digits.count), let value = UInt64(digits) else { return nil }
    text = text.dropFirst(digits.count)
    return (digits.count..<9).reduce(value) { value, _ in value * 10 }
  }

  private static func number(_ text: inout Substring, digits: Int) -> Int32? {
    let found = text.prefix(digits)
    guard found.count == digits, found.allSatisfy({ ("0"..."9").contains($0) }) else { return nil }
    text = text.dropFirst(digits)
    return Int32(found)
  }

  private static func take(_ sign: Character, _ text: inout Substring) -> Bool {
    guard text.first == sign else { return false }
    text = text.dropFirst()
    return true
  }

  /// Seconds east of UTC: for nothing, `Z`, `+hh:mm` or `-hh:mm`.
  private static func zone(_ text: Substring) -> Int64? {
    if text.isEmpty || text == "Z" { return 0 }
    var rest = text.dropFirst()
    guard text.first == "+" || text.first == "-", let hours = number(&rest, digits: 2),
      take(":", &rest), let minutes = number(&rest, digits: 2), rest.isEmpty, hours < 24,
      minutes < 60
    else { return nil }
    let seconds = Int64(hours) * 3600 + Int64(minutes) * 60
    return text.first == "-" ? -seconds : seconds
  }
}

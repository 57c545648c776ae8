import Arguments
import Glibc
import ShmBus

/// Where to begin reading, or where a head is to go, with the words that asked for it.
struct Place: Sendable {
  let text: String
  let start: StartPosition

  static let latest = Place(text: "latest", start: .latest)

  /// Nil for words that name no place. `now` is in nanoseconds since 1970, for times that count
  /// back from it.
  init?(_ text: String, now: UInt64) {
    guard let start = Self.start(text, now: now) else { return nil }
    self.init(text: text, start: start)
  }

  private init(text: String, start: StartPosition) {
    self.text = text
    self.start = start
  }

  private static func start(_ text: String, now: UInt64) -> StartPosition? {
    switch text {
    case "earliest": return .earliest
    case "latest": return .latest
    default: break
    }
    if text.hasPrefix("offset:") {
      return UInt64(text.dropFirst("offset:".count)).map { .offset($0) }
    }
    if text.hasPrefix("time:") {
      return TimeText.read(text.dropFirst("time:".count), now: now).map { .time($0) }
    }
    guard text.hasPrefix("+") || text.hasPrefix("-") else { return nil }
    return Int64(text).map { .relative($0) }
  }
}

extension Form where Value == Place {
  /// `earliest`, `latest`, `offset:N`, `time:T`, `+N` or `-N`.
  static var place: Form {
    Form(
      "WHERE", accepting: "earliest, latest, offset:N, time:T, +N or -N",
      completion: .words(["earliest", "latest", "offset:", "time:"]),
      show: \.text, read: { Place($0, now: TopSource.now(CLOCK_REALTIME)) })
  }
}

import ShmBus
import Testing

@testable import shmctl

/// Places and times as words.
struct PlaceTests {
  private static let now: UInt64 = 1_800_000_000_123_456_789

  @Test(
    arguments: [
      ("100000000000000000", 100_000_000_000_000_000),
      ("1795255200000000001", 1_795_255_200_000_000_001),
      ("1970-01-01", 0), ("2026-11-21", 1_795_219_200_000_000_000),
      ("2026-11-21T10:00:00", 1_795_255_200_000_000_000),
      ("2026-11-21 10:00:00", 1_795_255_200_000_000_000),
      ("2026-11-21T10:00:00Z", 1_795_255_200_000_000_000),
      ("2026-11-21T10:00:00.5Z", 1_795_255_200_500_000_000),
      ("2026-11-21 10:00:00.000000001", 1_795_255_200_000_000_001),
      ("2026-11-21T11:30:00+01:30", 1_795_255_200_000_000_000),
      ("2026-11-21T02:00:00-08:00", 1_795_255_200_000_000_000),
      ("2024-02-29T00:00:00", 1_709_164_800_000_000_000),
      ("-10s", 1_799_999_990_123_456_789), ("-1h", 1_799_996_400_123_456_789),
      ("-999999h", 0),
    ] as [(String, UInt64)])
  func timesAreRead(text: String, nanoseconds: UInt64) {
    #expect(TimeText.read(text, now: Self.now) == nanoseconds)
    #expect(Place("time:\(text)", now: Self.now)?.start == .time(nanoseconds))
  }

  @Test(arguments: [
    "", "yesterday", "2026", "2026-11", "2026-13-01", "2026-02-30", "2026-11-21T10", "-10", "10m",
    "2026-11-21T10:00", "2026-11-21T24:00:00", "2026-11-21T10:60:00", "2026-11-21T10:00:61",
    "2026-11-21T10:00:00.", "2026-11-21T10:00:00.0000000001", "2026-11-21T10:00:00X",
    "2026-11-21T10:00:00+1", "2026-11-21T10:00:00+25:00", "2026-11-21Z", "1960-01-01", "+5",
    "2026-11-21T10:00:00+01:00:00", "1970-01-01T00:00:00+01:00", "0",
    "1795255200", "1795255200000", "99999999999999999", "99999999999999999999999",
  ])
  func whatIsNoTimeIsRefused(text: String) {
    #expect(TimeText.read(text, now: Self.now) == nil)
  }

  @Test func placesAreRead() {
    func start(_ text: String) -> StartPosition? { Place(text, now: Self.now)?.start }
    #expect(start("earliest") == .earliest)
    #expect(start("latest") == .latest)
    #expect(start("offset:12") == .offset(12))
    #expect(start("+7") == .relative(7))
    #expect(start("-7") == .relative(-7))
    for wrong in ["", "7", "offset:", "offset:-1", "offset:x", "time:", "+", "-", "--1", "first"] {
      #expect(start(wrong) == nil)
    }
  }

  @Test func spansAreShort() {
    let spans: [(Duration?, String)] = [
      (nil, "-"), (.zero, "0 s"), (.nanoseconds(900), "0 s"), (.microseconds(850), "850 us"),
      (.milliseconds(12), "12 ms"), (.milliseconds(3200), "3.2 s"), (.seconds(59), "59 s"),
      (.seconds(300), "5 min"), (.seconds(7200), "2 h"), (.seconds(864_000), "10 d"),
    ]
    for (span, text) in spans { #expect(Spans.short(span) == text) }
  }
}

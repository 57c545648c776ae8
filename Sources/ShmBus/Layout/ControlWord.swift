/// The word of a slot header that decides what the slot holds.
///
/// ```
///   63 ................. 24 23 ...... 12 11 ...... 2 1 0
///            lap:40             span:12   publisher:10 state:2
/// ```
///
/// Laps count from 1, so that zeroed memory belongs to none. One word, stored once with release, makes a
/// message visible; nothing else in the slot is believed before it was read with acquire.
@frozen @usableFromInline
struct ControlWord: Equatable {
  @usableFromInline let raw: UInt64

  /// The bits that say "this lap, committed".
  @inlinable static var verdictMask: UInt64 { ~0 &<< 24 | 3 }

  @inlinable static var unused: UInt64 { 0 }
  @inlinable static var claimed: UInt64 { 1 }
  @inlinable static var committed: UInt64 { 2 }
  @inlinable static var aborted: UInt64 { 3 }

  @inlinable @inline(__always)
  init(_ raw: UInt64) { self.raw = raw }

  @inlinable @inline(__always)
  init(state: UInt64, lap: UInt64, span: UInt64, publisher: UInt64) {
    raw = lap &<< 24 | span &<< 12 | publisher &<< 2 | state
  }

  @inlinable var state: UInt64 { raw & 3 }
  @inlinable var publisher: UInt64 { (raw &>> 2) & 1023 }
  @inlinable var span: UInt64 { (raw &>> 12) & 4095 }
  @inlinable var lap: UInt64 { raw &>> 24 }

  /// Whether the slot holds a message of this lap.
  @inlinable @inline(__always)
  func isCommitted(in lap: UInt64) -> Bool {
    raw & Self.verdictMask == lap &<< 24 | Self.committed
  }

  /// Whether the slot was already decided (committed or aborted) in this lap or a later one.
  @inlinable
  func isDecided(in lap: UInt64) -> Bool {
    let age = Lap.distance(from: lap, to: self.lap)
    return age > 0 || (age == 0 && state != Self.claimed)
  }

  /// Whether the slot still carries an earlier lap, or none.
  @inlinable
  func isOlder(than lap: UInt64) -> Bool { Lap.distance(from: lap, to: self.lap) < 0 }

  /// Whether the slot is marked as an open claim of this publisher in this lap.
  @inlinable
  func isClaimed(in lap: UInt64, by publisher: UInt64) -> Bool {
    self.lap == lap && state == Self.claimed && self.publisher == publisher
  }
}

/// Which round of the ring an offset belongs to: `offset / capacity + 1`, modulo 2^40.
@usableFromInline
enum Lap {
  @inlinable @inline(__always)
  static func of(_ offset: Offset, shift: UInt64) -> UInt64 {
    (offset &>> shift &+ 1) & (1 &<< 40 &- 1)
  }

  /// How many laps `to` is ahead of `from`, across the wrap of the counter.
  @inlinable
  static func distance(from: UInt64, to: UInt64) -> Int64 {
    Int64(bitPattern: (to &- from) &<< 24) &>> 24
  }
}

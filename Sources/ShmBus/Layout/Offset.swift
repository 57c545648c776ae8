/// Number of a message in its partition: the number of its first slot since the bus began.
///
/// Offsets are never reused. They stay below 2^52: 521 days at a hundred million messages a second; then
/// publishing fails with ``PublishError/exhausted``.
public typealias Offset = UInt64

/// The words that carry an offset and a small number side by side.
///
/// ```
///   cursor       63 ........ 10 9 ... 0     offset:54 | last claimant:10 (1023 = nobody yet)
///   claim, head  63 ........ 12 11 .. 0     offset:52 | span:12, or term:12
/// ```
@usableFromInline
enum Packed {
  /// The first offset that can never be handed out.
  @inlinable static var offsetLimit: Offset { (1 << 52) - 1 }
  /// The offset part of a head that holds nothing back.
  @inlinable static var noOffset: Offset { (1 << 52) - 1 }
  /// The claimant part of a cursor nobody has moved yet.
  @inlinable static var nobody: UInt64 { 1023 }
  /// A floor, an empty head: all bits set.
  @inlinable static var none: UInt64 { .max }
  /// The longest claim, in slots.
  @inlinable static var longestSpan: UInt64 { 4095 }

  @inlinable @inline(__always)
  static func cursor(_ offset: Offset, claimant: UInt64) -> UInt64 { offset &<< 10 | claimant }
  @inlinable @inline(__always)
  static func cursorOffset(_ word: UInt64) -> Offset { word &>> 10 }
  @inlinable @inline(__always)
  static func claimant(_ word: UInt64) -> UInt64 { word & 1023 }

  @inlinable @inline(__always)
  static func claim(_ offset: Offset, span: UInt64) -> UInt64 { offset &<< 12 | span }
  @inlinable @inline(__always)
  static func offset(_ word: UInt64) -> Offset { word &>> 12 }
  @inlinable @inline(__always)
  static func span(_ word: UInt64) -> UInt64 { word & 4095 }

  @inlinable @inline(__always)
  static func head(_ offset: Offset, term: UInt64) -> UInt64 { offset &<< 12 | term }
  @inlinable @inline(__always)
  static func term(_ word: UInt64) -> UInt64 { word & 4095 }

  /// Names one use of one registry row: incarnation:48 | row + 1:16; 0 is nobody.
  static func owner(row: Int, incarnation: UInt64) -> UInt64 {
    incarnation &<< 16 | UInt64(row + 1)
  }

  /// Whom such a word names; row -1 is nobody. The incarnation has lost its upper 16 bits.
  static func endpoint(ofOwner word: UInt64) -> (row: Int, incarnation: UInt64) {
    (Int(word & 0xffff) - 1, word &>> 16)
  }
}

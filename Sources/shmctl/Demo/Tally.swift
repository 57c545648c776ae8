/// What was sent to, or read from, each partition: how many messages, and a sum over their contents.
struct Tally: Equatable {
  struct Entry: Equatable {
    var count: UInt64 = 0
    var sum: UInt64 = 0
  }

  private(set) var entries: [Entry]

  init(partitions: Int) { entries = Array(repeating: Entry(), count: partitions) }

  /// Reads the line that another process wrote with ``line``.
  init?(line: some StringProtocol) {
    let numbers = line.split(separator: " ").map { UInt64($0) }
    guard !numbers.isEmpty, numbers.count.isMultiple(of: 2), !numbers.contains(nil) else {
      return nil
    }
    let known = numbers.compactMap(\.self)
    entries = stride(from: 0, to: known.count, by: 2).map {
      Entry(count: known[$0], sum: known[$0 + 1])
    }
  }

  var line: String { entries.map { "\($0.count) \($0.sum)" }.joined(separator: " ") }
  var count: UInt64 { entries.reduce(0) { $0 + $1.count } }

  mutating func add(_ value: UInt64, to partition: Int) {
    entries[partition].count &+= 1
    entries[partition].sum &+= value
  }

  static func + (left: Tally, right: Tally) -> Tally {
    var result = left
    for (partition, entry) in right.entries.enumerated() {
      result.entries[partition].count &+= entry.count
      result.entries[partition].sum &+= entry.sum
    }
    return result
  }
}

/// The contents of a demo message: who sent it, its number, and a mark that only these two give.
struct DemoMessage {
  let publisher: UInt64
  let number: UInt64

  static let byteCount = 24

  /// Spreads all bits of both, so that no other message has the same mark by accident.
  var mark: UInt64 {
    var value = (publisher &+ 1) &* 0x9E37_79B9_7F4A_7C15 ^ number
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  var words: InlineArray<3, UInt64> { [publisher, number, mark] }

  init(publisher: UInt64, number: UInt64) {
    self.publisher = publisher
    self.number = number
  }

  /// Nil for bytes that are none, or were damaged on the way.
  init?(_ bytes: RawSpan) {
    guard bytes.byteCount == Self.byteCount else { return nil }
    publisher = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self)
    number = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self)
    guard unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 16, as: UInt64.self) == mark else {
      return nil
    }
  }
}

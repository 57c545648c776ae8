/// Measurements, counted by size: as many as one likes in the same memory, each kept to 1/256 of its size.
///
/// Memory of its own behind a constant, so that a timed loop counts without allocating or asking who else
/// holds it. One thread at a time.
@safe
final class Histogram: @unchecked Sendable {
  private static let places = 56 << 8 + 256
  private let counts: UnsafeMutablePointer<UInt64>

  init() {
    unsafe counts = .allocate(capacity: Self.places)
    unsafe counts.initialize(repeating: 0, count: Self.places)
  }

  deinit { unsafe counts.deallocate() }

  func add(_ value: UInt64) { unsafe counts[Self.place(of: value)] &+= 1 }

  func add(_ other: Histogram) {
    for place in 0..<Self.places { unsafe counts[place] &+= other.counts[place] }
  }

  var total: UInt64 { (0..<Self.places).reduce(0) { unsafe $0 &+ counts[$1] } }

  /// The values there are, smallest first, and how often each.
  var steps: [(value: UInt64, count: UInt64)] {
    (0..<Self.places).compactMap { place in
      let count = unsafe counts[place]
      return count == 0 ? nil : (Self.value(at: place), count)
    }
  }

  /// Small values have a place each, larger ones 256 between a power of two and the next.
  private static func place(of value: UInt64) -> Int {
    let shift = max(0, 55 - value.leadingZeroBitCount)
    return shift << 8 &+ Int(truncatingIfNeeded: value &>> UInt64(shift))
  }

  /// The middle of what is counted at a place.
  private static func value(at place: Int) -> UInt64 {
    let shift = max(0, place >> 8 - 1)
    return UInt64(place - shift << 8) << UInt64(shift) + (1 << UInt64(shift)) / 2
  }
}

extension Histogram {
  /// As a line that another process reads.
  var line: String { steps.map { "\($0.value):\($0.count)" }.joined(separator: " ") }

  /// What another process has written; nil if it is not such a line.
  convenience init?(line: String) {
    self.init()
    for word in line.split(separator: " ") {
      let numbers = word.split(separator: ":").compactMap { UInt64($0) }
      guard numbers.count == 2 else { return nil }
      unsafe counts[Self.place(of: numbers[0])] &+= numbers[1]
    }
  }
}

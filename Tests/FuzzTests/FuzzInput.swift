/// The bytes that the fuzzer made, taken one value after the other; zeros when there are no more.
@safe
struct FuzzInput {
  private let bytes: UnsafeRawBufferPointer
  private var place = 0

  init(_ data: UnsafePointer<UInt8>?, _ count: Int) {
    unsafe bytes = UnsafeRawBufferPointer(start: data, count: count)
  }

  var isEmpty: Bool { unsafe place >= bytes.count }

  /// All that is left.
  var rest: [UInt8] { unsafe Array(bytes[min(place, bytes.count)...]) }

  /// All of it.
  var all: [UInt8] { unsafe Array(bytes) }

  mutating func byte() -> UInt8 {
    guard unsafe place < bytes.count else { return 0 }
    defer { place += 1 }
    return unsafe bytes[place]
  }

  /// A number of `count` bytes, little-endian.
  mutating func number(_ count: Int = 8) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(byte()) << UInt64(8 * $1) }
  }

  /// A number below `limit`, which is at most 65,536.
  mutating func below(_ limit: Int) -> Int { Int(number(limit > 256 ? 2 : 1)) % limit }
}

/// A property that does not hold ends the run: libFuzzer then keeps the input.
func require(_ condition: Bool, _ what: @autoclosure () -> String) {
  if !condition { fatalError(what()) }
}

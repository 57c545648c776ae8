import Glibc

/// Why output ended early.
package enum OutputError: Error, Equatable {
  /// Whoever read it has closed the pipe: they have all they want.
  case closed
  /// A signal asked the tool to end while it waited for the reader.
  case interrupted
  /// The system refused, with this error number.
  case failed(Int32)
}

/// Bytes on their way to a file descriptor, written in big pieces.
///
/// It does not flush when it goes away: who wants the bytes out flushes, and hears what went wrong.
@safe
package struct OutputBuffer: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  private let descriptor: Int32
  package private(set) var count = 0

  package init(descriptor: Int32 = STDOUT_FILENO, capacity: Int = 1 << 17) {
    self.descriptor = descriptor
    self.capacity = capacity
    unsafe base = .allocate(byteCount: capacity, alignment: 64)
  }

  deinit { unsafe base.deallocate() }

  package mutating func append(_ bytes: RawSpan) throws(OutputError) {
    if bytes.byteCount > capacity - count {
      try flush()
      if bytes.byteCount > capacity { return try write(bytes) }
    }
    unsafe bytes.withUnsafeBytes { source in
      guard let first = source.baseAddress else { return }
      unsafe (base + count).copyMemory(from: first, byteCount: source.count)
    }
    count += bytes.byteCount
  }

  package mutating func append(_ byte: UInt8) throws(OutputError) {
    if count == capacity { try flush() }
    unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  package mutating func append(_ text: String) throws(OutputError) {
    try unsafe append(text.utf8Span.span.bytes)
  }

  /// Appends an integer as `count` bytes, little-endian.
  package mutating func append(littleEndian value: UInt64, count: Int) throws(OutputError) {
    for index in 0..<count { try append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
  }

  /// Appends an integer in decimal digits.
  package mutating func append(decimal value: UInt64) throws(OutputError) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var rest = value
    var first = 20
    repeat {
      first -= 1
      digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    } while rest > 0
    try unsafe append(digits.span.extracting(first..<20).bytes)
  }

  package mutating func flush() throws(OutputError) {
    let held = count
    count = 0
    try unsafe write(RawSpan(_unsafeStart: base, byteCount: held))
  }

  private func write(_ bytes: RawSpan) throws(OutputError) {
    var done = 0
    while done < bytes.byteCount {
      let written = unsafe bytes.extracting(droppingFirst: done).withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if written >= 0 {
        done += written
      } else if errno == EPIPE {
        throw .closed
      } else if errno != EINTR {
        throw .failed(errno)
      } else if Interrupt.isPending {
        throw .interrupted
      }
    }
  }
}

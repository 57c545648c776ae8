import Glibc
import ToolSupport

/// Where one record ends and the next begins.
enum Cutter: Sendable {
  /// Records end with this byte, which does not belong to them; the last one may lack it.
  case terminated(by: UInt8)
  /// Records of this many bytes; the last one may be shorter.
  case blocks(Int)
  /// A length (u32, little-endian) before each record.
  case lengthPrefixed
  /// Frames: see ``Frame``. The record is the whole frame.
  case frames

  /// A record within the bytes it was looked for in, and how many bytes it takes with all around it.
  struct Cut {
    let start: Int
    let count: Int
    let taken: Int
  }

  /// The first record of `bytes`; nil if it is not there as a whole. `searched` bytes are known to hold
  /// no end.
  func first(
    in bytes: UnsafeRawBufferPointer, searched: Int, isAtEnd: Bool
  ) throws -> Cut? {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
    switch self {
    case .terminated(let byte):
      if let found = unsafe memchr(base + searched, Int32(byte), bytes.count - searched) {
        let count = unsafe UnsafeRawPointer(found) - base
        return Cut(start: 0, count: count, taken: count + 1)
      }
      return isAtEnd ? Cut(start: 0, count: bytes.count, taken: bytes.count) : nil
    case .blocks(let size):
      guard bytes.count >= size || isAtEnd else { return nil }
      let count = min(size, bytes.count)
      return Cut(start: 0, count: count, taken: count)
    case .lengthPrefixed:
      guard bytes.count >= 4 else { return try none(isAtEnd, bytes.count) }
      let count = Int(UInt32(littleEndian: unsafe bytes.loadUnaligned(as: UInt32.self)))
      guard bytes.count - 4 >= count else { return try none(isAtEnd, bytes.count) }
      return Cut(start: 4, count: count, taken: 4 + count)
    case .frames:
      guard let count = try unsafe Frame.byteCount(of: bytes), bytes.count >= count else {
        return try none(isAtEnd, bytes.count)
      }
      return Cut(start: 0, count: count, taken: count)
    }
  }

  /// Not there as a whole: more is to be read, or the input breaks off.
  private func none(_ isAtEnd: Bool, _ count: Int) throws -> Cut? {
    guard isAtEnd else { return nil }
    throw Failure(
      .damagedData, "the input breaks off within a record, \(count) bytes after its beginning")
  }
}

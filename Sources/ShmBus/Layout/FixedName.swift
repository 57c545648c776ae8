import CShmBus
import Glibc

/// A name in 64 bytes of shared memory, padded with zeroes and not terminated when it fills them.
@safe @usableFromInline
struct FixedName {
  static var byteCount: Int { Int(SHMBUS_NAME_BYTES) }

  private let base: UnsafeMutableRawPointer

  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  /// Plain memory: written before the row's own word says that it counts.
  var text: String {
    let bytes = unsafe UnsafeRawBufferPointer(start: base, count: Self.byteCount)
    return unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Stores as much of `text` as fits.
  func put(_ text: String) {
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
    for (index, byte) in text.utf8.prefix(Self.byteCount).enumerated() {
      unsafe base.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
    }
  }
}

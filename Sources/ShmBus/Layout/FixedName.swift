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
    // Its own first: text that is changed while it is decoded would not be valid, and believed to be.
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    unsafe bytes.withUnsafeMutableBytes { copy in
      unsafe copy.copyMemory(from: UnsafeRawBufferPointer(start: base, count: Self.byteCount))
    }
    return Self.text(bytes)
  }

  /// Up to the first zero; without anything that a terminal would act upon, because anybody on the bus may
  /// have written it.
  static func text(_ bytes: some Sequence<UInt8>) -> String {
    let scalars = String(decoding: Array(bytes.prefix { $0 != 0 }), as: UTF8.self).unicodeScalars
    return String(
      String.UnicodeScalarView(
        scalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
  }

  /// Stores as much of `text` as fits.
  func put(_ text: String) {
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
    for (index, byte) in text.utf8.prefix(Self.byteCount).enumerated() {
      unsafe base.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
    }
  }
}

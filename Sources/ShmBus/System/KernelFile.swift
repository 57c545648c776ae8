import Glibc

/// Small text files by which the kernel tells about itself (`/proc`, `/sys`).
enum KernelFile {
  /// The first 256 bytes without the line's end.
  static func line(at path: String) throws(SystemError) -> String {
    let file = try Descriptor(path: path, flags: O_RDONLY)
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe read(file.number, buffer.baseAddress, buffer.count)
    }
    guard count >= 0 else { throw SystemError.last("read", path) }
    let line = bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }
    return String(decoding: line, as: UTF8.self)
  }

  /// All of it, however long.
  static func text(at path: String) throws(SystemError) -> String {
    let file = try Descriptor(path: path, flags: O_RDONLY)
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    // Ends with the file.
    while true {
      let count = unsafe block.withUnsafeMutableBytes { buffer in
        unsafe read(file.number, buffer.baseAddress, buffer.count)
      }
      guard count >= 0 else { throw SystemError.last("read", path) }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += block[..<count]
    }
  }
}

import Glibc

/// The names in a directory, ascending; none where it cannot be read.
public func fileNames(in directory: String) -> [String] {
  guard let stream = unsafe opendir(directory) else { return [] }
  defer { unsafe _ = closedir(stream) }
  var names: [String] = []
  while let entry = unsafe readdir(stream) {
    let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// What a file holds now, read page by page while others may write; nothing when it cannot be opened.
public func bytes(of path: String) -> [UInt8] {
  let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return [] }
  defer { close(file) }
  var bytes: [UInt8] = []
  var page = [UInt8](repeating: 0, count: 4096)
  // Ends: with the file.
  while true {
    let count = unsafe read(file, &page, page.count)
    if count <= 0 { return bytes }
    bytes += page[..<count]
  }
}

/// Writes a file anew, for its owner alone.
public func write(_ bytes: [UInt8], to path: String) {
  let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  defer { close(file) }
  var done = 0
  while done < bytes.count {
    let count = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.write(file, $0.baseAddress! + done, bytes.count - done)
    }
    precondition(count > 0, "a test can write its files: errno \(errno)")
    done += count
  }
}

/// What a small file says, those of the kernel too; empty when it cannot be read.
public func text(of path: String) -> String {
  String(decoding: bytes(of: path), as: UTF8.self)
}

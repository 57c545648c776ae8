import Glibc

/// One test's own world: a namespace for its buses, a directory for its files. Both are gone with it.
final class Space: Sendable {
  let namespace: String
  let directory: String

  init() {
    let stamp = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    namespace = "tool-\(getpid())-\(stamp)"
    directory = "/tmp/shmbus-\(namespace)"
    unsafe _ = mkdir(directory, 0o700)
  }

  deinit {
    for segment in segments { unsafe _ = shm_unlink("/" + segment) }
    for file in Self.entries(of: directory) { unsafe _ = unlink("\(directory)/\(file)") }
    unsafe _ = rmdir(directory)
  }

  /// The segments that this world has in shared memory.
  var segments: [String] {
    Self.entries(of: "/dev/shm").filter { $0.hasPrefix("shmbus-\(namespace).") }.sorted()
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) -> String {
    let path = path(name)
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(file, $0.baseAddress! + done, bytes.count - done)
      }
      precondition(count > 0, "a test can write its files")
      done += count
    }
    close(file)
    return path
  }

  func read(_ name: String) -> [UInt8] {
    let file = unsafe open(path(name), O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    // Ends: with the file.
    while true {
      let count = unsafe Glibc.read(file, &block, block.count)
      if count <= 0 { return bytes }
      bytes += block[..<count]
    }
  }

  private static func entries(of directory: String) -> [String] {
    guard let stream = unsafe opendir(directory) else { return [] }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}

/// Waits for a state, with a deadline; tests never sleep for a time and hope.
func eventually(within seconds: Int = 30, _ holds: () throws -> Bool) rethrows -> Bool {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while ContinuousClock.now < deadline {
    if try holds() { return true }
    usleep(2_000)
  }
  return try holds()
}

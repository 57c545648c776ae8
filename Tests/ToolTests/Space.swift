import Glibc
import TestSupport

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
    for file in fileNames(in: directory) { unsafe _ = unlink("\(directory)/\(file)") }
    unsafe _ = rmdir(directory)
  }

  /// The segments that this world has in shared memory.
  var segments: [String] {
    fileNames(in: "/dev/shm").filter { $0.hasPrefix("shmbus-\(namespace).") }
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) -> String {
    let path = path(name)
    TestSupport.write(bytes, to: path)
    return path
  }

  func read(_ name: String) -> [UInt8] { bytes(of: path(name)) }
}

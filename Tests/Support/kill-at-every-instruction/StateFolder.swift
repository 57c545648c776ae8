import Glibc
import ShmBus
import TestSupport

/// The state directory of a scenario's bus, and the two copies of its checkpoint as raw bytes: to be put
/// back as they were before each kill, and to see what a killed process left of them.
struct StateFolder {
  /// The bytes of each copy; nil where there is none.
  typealias Files = [[UInt8]?]

  let bus: String
  /// What `--state-dir` would be.
  let directory: String
  private let folder: String
  var paths: [String] { ["\(folder)/meta.0", "\(folder)/meta.1"] }

  init(of bus: String, namespace: String = TestSpace.namespace) {
    self.bus = bus
    directory = "/tmp/shmbus-kill-\(namespace)-\(bus)"
    folder = "\(directory)/shmbus-\(namespace)/\(bus)"
  }

  func read() -> Files {
    paths.map { path in
      // An empty file cannot be mapped.
      (try? Mapped(path))?.bytes ?? (unsafe access(path, F_OK) == 0 ? [] : nil)
    }
  }

  /// New files with these bytes, and nothing else.
  func write(_ files: Files) throws {
    clear()
    for (path, bytes) in zip(paths, files) {
      guard let bytes else { continue }
      makeFolder()
      let file = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw Violation("cannot create \(path): errno \(errno)") }
      defer { close(file) }
      guard unsafe Glibc.write(file, bytes, bytes.count) == bytes.count else {
        throw Violation("cannot write \(path): errno \(errno)")
      }
    }
  }

  private var above: [String] {
    [directory, String(folder.prefix(upTo: folder.lastIndex(of: "/")!)), folder]
  }

  private func makeFolder() { for path in above { unsafe _ = mkdir(path, 0o700) } }

  func clear() {
    for path in paths { unsafe _ = unlink(path) }
    for path in above.reversed() { unsafe _ = rmdir(path) }
  }

  /// How many of its copies are whole.
  var whole: Int {
    paths.count { path in
      guard let segment = try? Segment(path: path) else { return false }
      return Inspection.report(of: [segment], named: bus).findings.isEmpty
    }
  }

  /// What a reboot at this moment would leave: the copies alone, in another namespace. Restores the bus
  /// from them there; it must hand out nothing at or below `highest`.
  func checkRestore(above highest: UInt64, identity: UInt64) throws {
    let elsewhere = "\(TestSpace.namespace)-restored"
    let copy = StateFolder(of: bus, namespace: elsewhere)
    try copy.write(read())
    defer { copy.clear() }
    unsafe _ = setenv("SHMBUS_NAMESPACE", elsewhere, 1)
    defer { unsafe _ = setenv("SHMBUS_NAMESPACE", TestSpace.namespace, 1) }
    let restored = try Bus.restore(bus, from: .path(copy.directory), keepsHouse: false)
    defer { try? Bus.remove(bus, force: true) }
    guard restored.identity == identity else { throw Violation("restored another bus") }
    let offset = try restored.publisher().publish([1])
    guard offset > highest else { throw Violation("offset \(offset) was handed out twice") }
  }
}

import Glibc

/// Where the state of a bus lies: a folder of its own below the state directory.
///
/// ```
///   STATE/shmbus/NAME/meta.0      meta.1
///   STATE/shmbus-x/NAME/...                    with SHMBUS_NAMESPACE=x
/// ```
struct StatePlace: Equatable, Sendable {
  /// The state directory.
  let directory: String
  /// The bus's own folder.
  let path: String

  init(_ directory: String, namespace: String, name: String) {
    self.directory = directory
    path =
      directory + (namespace.isEmpty ? "/shmbus/" : "/shmbus-\(namespace)/") + name
  }

  /// The state directory of this user: `SHMBUS_DIR`; for root `/var/lib/shmbus`; else the user's own. Nil
  /// where the environment names none, or says `SHMBUS_DIR=none`.
  static var standard: String? {
    if unsafe getenv("SHMBUS_DIR").map({ unsafe String(cString: $0) }) == "none" { return nil }
    if let given = variable("SHMBUS_DIR") { return given }
    if geteuid() == 0 { return "/var/lib/shmbus" }
    if let state = variable("XDG_STATE_HOME") { return state + "/shmbus" }
    return variable("HOME").map { $0 + "/.local/state/shmbus" }
  }

  /// An absolute path; whatever else it is, it does not count.
  private static func variable(_ name: String) -> String? {
    let text = unsafe getenv(name).map { unsafe String(cString: $0) } ?? ""
    return text.hasPrefix("/") ? text : nil
  }

  /// The names that have a folder in a state directory, sorted.
  static func names(in directory: String, namespace: String) -> [String] {
    let all = StatePlace(directory, namespace: namespace, name: "").path
    let found = try? SharedMemory.names(
      withPrefix: "/", in: SegmentLocation(directory: String(all.dropLast())))
    return (found ?? []).compactMap { $0.split(separator: "/").last.map(String.init) }
  }

  /// Whether there is a copy of a checkpoint, whole or not.
  var hasState: Bool {
    CheckpointFiles.names.contains { name in
      var status = stat()
      return unsafe lstat(path + "/" + name, &status) == 0
    }
  }

  /// The newest copy that is whole, if nobody is writing it at the moment.
  var newest: Checkpoint? { try? CheckpointFiles(path).newest }

  /// Takes the state away, and the folders that are empty then.
  func remove() throws(SystemError) {
    do throws(SystemError) {
      let folder = try Directory(path)
      for name in CheckpointFiles.names { try folder.unlink(name) }
    } catch {
      guard error.code == ENOENT else { throw error }
    }
    Directory.remove(path)
    Directory.remove(String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex)))
  }
}

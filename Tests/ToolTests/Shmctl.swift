import Glibc
import TestSupport

/// The built tool, run as a user runs it. Its streams are files: no pipe can be inherited by another test's
/// process and stay open.
final class Run {
  private let space: Space
  private let stamp = String(UInt64.random(in: 0...UInt64.max), radix: 36)
  let pid: pid_t
  private var status: Int32?

  static let tool = Actor.program("shmctl")
  static let dumpShm = Actor.program("dump-shm")

  /// Starts a command; `input` is a file to read, and `environment` comes on top of the test's own.
  init(_ space: Space, _ command: [String], input: String?, environment: [String: String] = [:]) {
    self.space = space
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
    let create = O_WRONLY | O_CREAT | O_TRUNC
    unsafe posix_spawn_file_actions_addopen(&actions, 0, input ?? "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(
      &actions, 1, space.path("out-\(stamp)"), create, 0o600)
    unsafe posix_spawn_file_actions_addopen(
      &actions, 2, space.path("err-\(stamp)"), create, 0o600)
    let added = environment.merging([
      "SHMBUS_NAMESPACE": space.namespace, "SHMBUS_DIR": "none", "SHMBUS_HOUSEKEEPING": "off",
    ]) { own, _ in own }
    let kept = Self.environment.filter { entry in
      !added.keys.contains { entry.hasPrefix($0 + "=") }
    }
    let words = kept + added.map { "\($0.key)=\($0.value)" }
    var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    var variables = unsafe words.map { unsafe strdup($0) } + [nil]
    defer {
      for index in unsafe arguments.indices { unsafe free(arguments[index]) }
      for index in unsafe variables.indices { unsafe free(variables[index]) }
    }
    // A worker thread of the test's blocks signals, and a child would inherit that.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe _ = posix_spawnattr_destroy(&attributes) }
    var nothing = sigset_t()
    unsafe sigemptyset(&nothing)
    unsafe posix_spawnattr_setsigmask(&attributes, &nothing)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var child = pid_t()
    let code = unsafe posix_spawnp(
      &child, command[0], &actions, &attributes, &arguments, &variables)
    precondition(code == 0, "cannot start \(command): errno \(code)")
    pid = child
  }

  deinit {
    if status == nil {
      signal(SIGKILL)
      _ = code
    }
  }

  func signal(_ number: Int32) { kill(pid, number) }

  /// Waits for its end: the exit code, or minus the signal. What takes too long is killed.
  var code: Int32 {
    if !eventually(within: 60, { hasEnded }) {
      signal(SIGKILL)
      _ = eventually { hasEnded }
    }
    return status ?? -1
  }

  var hasEnded: Bool {
    if status != nil { return true }
    var raw: Int32 = 0
    guard unsafe waitpid(pid, &raw, WNOHANG) == pid else { return false }
    status = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : -(raw & 0x7F)
    return true
  }

  /// What it has printed so far.
  var bytes: [UInt8] { space.read("out-\(stamp)") }
  var output: String { String(decoding: bytes, as: UTF8.self) }
  var errors: String { String(decoding: space.read("err-\(stamp)"), as: UTF8.self) }
  var lines: [String] { output.split(separator: "\n").map(String.init) }

  private static let environment: [String] = {
    var entries: [String] = []
    var next = unsafe environ
    while let entry = unsafe next.pointee {
      entries.append(unsafe String(cString: entry))
      unsafe next += 1
    }
    return entries
  }()
}

extension Space {
  /// Runs the tool to its end.
  @discardableResult
  func shmctl(
    _ words: String..., input: [UInt8]? = nil, environment: [String: String] = [:]
  ) -> Run {
    let file = input.map { write($0, to: "in-\(UInt64.random(in: 0...UInt64.max))") }
    let run = Run(self, [Run.tool] + words, input: file, environment: environment)
    _ = run.code
    return run
  }

  /// Starts the tool and leaves it running.
  func start(_ words: String..., input: String? = nil) -> Run {
    Run(self, [Run.tool] + words, input: input)
  }

  /// Runs a line of bash, with the tool as `$shmctl`.
  func bash(_ line: String) -> Run {
    let run = Run(self, ["bash", "-c", line], input: nil, environment: ["shmctl": Run.tool])
    _ = run.code
    return run
  }

  /// Whether `stat` shows an endpoint of a role; how tests know that a process has attached.
  func has(_ role: String, on bus: String) -> Bool {
    shmctl("stat", bus, "--json").output.contains("\"role\":\"\(role)\"")
  }
}

import Glibc

/// `SOCK_CLOEXEC`.
private let closeOnExec: Int32 = 0o2_000_000

/// A real process that plays one part on a bus: `bus-actor`, started with a plan as its arguments.
///
/// It is told to go on by lines on its standard input and answers by lines on its standard output, so that
/// no test ever guesses how long something takes.
public final class Actor {
  /// Its process.
  public let pid: pid_t
  private let socket: Int32
  private var pending: [UInt8] = []
  private var status: Int32?

  /// Starts it; `arguments` are the plan.
  public convenience init(_ arguments: [String]) throws {
    try self.init(command: [Self.path] + arguments)
  }

  /// Starts any command, found on the search path.
  public init(command: [String]) throws {
    _ = TestSpace.namespace
    var ends = [Int32](repeating: 0, count: 2)
    // Not a pipe: only this one is closed in every other child from the first moment on.
    let kind = Int32(SOCK_STREAM.rawValue) | closeOnExec
    guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw Failure("socketpair: errno \(errno)")
    }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    var words: [UnsafeMutablePointer<CChar>?] = unsafe command.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe words.indices { unsafe free(words[index]) } }
    var child = pid_t()
    let code = unsafe posix_spawnp(&child, command[0], &actions, nil, &words, environ)
    close(ends[1])
    guard code == 0 else {
      close(ends[0])
      throw Failure("cannot start \(command): errno \(code)")
    }
    pid = child
    socket = ends[0]
  }

  deinit {
    kill()
    wait()
    close(socket)
  }

  /// Why an actor could not be played.
  public struct Failure: Error, CustomStringConvertible {
    /// The sentence.
    public let description: String
    init(_ description: String) { self.description = description }
  }

  /// The actor's program.
  public static let path = program("bus-actor")

  /// A program of the tests: beside their own executable.
  public static func program(_ name: String) -> String { "\(programs)/\(name)" }

  /// The directory that the tests' executable and all other programs are in.
  public static let programs: String = {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe readlink("/proc/self/exe", bytes.baseAddress!, bytes.count)
    }
    let own = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    return own.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
  }()

  /// Sends a line.
  public func tell(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// The next line, or nil at its end; throws when none comes in time.
  public func line(within seconds: Double = 30) throws -> String? {
    let deadline = monotonicNanoseconds() + UInt64(seconds * 1e9)
    while true {
      if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: pending[..<end], as: UTF8.self)
        pending.removeSubrange(...end)
        return line
      }
      let now = monotonicNanoseconds()
      guard now < deadline else { throw Failure("the actor said nothing for \(seconds) s") }
      guard try readMore(milliseconds: Int32((deadline - now) / 1_000_000) + 1) else {
        return nil
      }
    }
  }

  /// All that is still to come.
  public func rest(within seconds: Double = 60) throws -> [String] {
    var lines: [String] = []
    while let line = try line(within: seconds) { lines.append(line) }
    return lines
  }

  /// False at the end.
  private func readMore(milliseconds: Int32) throws -> Bool {
    var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&poller, 1, milliseconds) > 0 else { return true }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe read(socket, $0.baseAddress!, $0.count)
    }
    if count > 0 { pending += buffer.prefix(count) }
    return count > 0 || (count < 0 && errno == EINTR)
  }

  /// Kills it, as `kill -9` does.
  public func kill(_ signal: Int32 = SIGKILL) {
    if status == nil { _ = Glibc.kill(pid, signal) }
  }

  /// Waits for its end; its exit code, or minus the signal that ended it.
  @discardableResult
  public func wait() -> Int32 {
    // Ends: with the process.
    while status == nil { look(options: 0) }
    return status ?? -1
  }

  /// The same if it has ended already.
  public var ending: Int32? {
    if status == nil { look(options: WNOHANG) }
    return status
  }

  private func look(options: Int32) {
    var raw: Int32 = 0
    let found = unsafe waitpid(pid, &raw, options)
    if found < 0 && errno != EINTR { status = -1 }
    guard found == pid else { return }
    status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : -(raw & 0x7f)
  }
}

/// Writes a line at once: whatever a killed process said, it had done.
public func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = unsafe write(1, bytes, bytes.count)
}

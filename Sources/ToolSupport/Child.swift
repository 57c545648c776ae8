import Glibc

/// A process that this one has started, with a pipe to its input and one from its output.
package final class Child {
  package let pid: pid_t
  private let input: Int32
  private let output: Int32
  private var received: [UInt8] = []
  private var status: Int32?

  /// Starts this program anew, with other words.
  package static func again(_ words: [String]) throws -> Child {
    try Child(path: "/proc/self/exe", words)
  }

  package init(path: String, _ words: [String]) throws {
    let toChild = try Self.pipePair()
    let fromChild = try Self.pipePair()
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, toChild.read, STDIN_FILENO)
    unsafe posix_spawn_file_actions_adddup2(&actions, fromChild.write, STDOUT_FILENO)
    var arguments = unsafe ([path] + words).map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
    var pid: pid_t = 0
    let code = unsafe posix_spawn(&pid, path, &actions, nil, &arguments, environ)
    close(toChild.read)
    close(fromChild.write)
    input = toChild.write
    output = fromChild.read
    self.pid = pid
    guard code == 0 else {
      status = 0
      throw Failure.system("cannot start '\(path)'", code)
    }
  }

  deinit {
    close(input)
    close(output)
    stop()
  }

  /// Whether its main thread sleeps in the kernel now.
  package var isAsleep: Bool {
    let file = unsafe open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    var block = [UInt8](repeating: 0, count: 512)
    let count = unsafe read(file, &block, block.count)
    // Behind the name, which may hold anything: ") S ".
    guard let end = block.prefix(max(0, count)).lastIndex(of: UInt8(ascii: ")")) else {
      return false
    }
    return block.dropFirst(end + 2).first == UInt8(ascii: "S")
  }

  /// Ends it at once, if it has not ended yet.
  package func stop() {
    guard status == nil else { return }
    kill(pid, SIGKILL)
    wait()
  }

  /// Sends it a line.
  package func send(_ line: String) throws(OutputError) {
    var buffer = OutputBuffer(descriptor: input, capacity: 256)
    try buffer.append(line + "\n")
    try buffer.flush()
  }

  /// The next line that it prints; nil when it has closed its output.
  package func line() throws -> String? {
    // Ends: with a line, the end of the output, or a signal.
    while true {
      if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: received[..<end], as: UTF8.self)
        received.removeFirst(end + 1)
        return line
      }
      guard Interrupt.awaitInput(on: output) else { throw Interrupted() }
      var block = [UInt8](repeating: 0, count: 4096)
      let count = unsafe read(output, &block, block.count)
      if count == 0 { return nil }
      if count > 0 { received += block[..<count] }
    }
  }

  /// The next line, or the failure of a child that had nothing more to say.
  package func expectLine() throws -> String {
    if let line = try line() { return line }
    wait()
    throw Failure(.software, "a process that was started for this ended early (see above)")
  }

  /// Waits for its end; returns its exit code, or 128 and the signal.
  @discardableResult
  package func wait() -> Int32 {
    if let status { return status }
    var raw: Int32 = 0
    while unsafe waitpid(pid, &raw, 0) < 0, errno == EINTR {}
    let code = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + (raw & 0x7F)
    status = code
    return code
  }

  private static func pipePair() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw Failure.system("cannot make a pipe", errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}

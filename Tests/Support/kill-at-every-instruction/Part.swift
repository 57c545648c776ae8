import CTracing
import Glibc
import TestSupport

/// A forked process that plays a part and talks by lines with the one that forked it.
final class Part {
  let pid: pid_t
  private let line: Line
  private var isOver = false

  /// Forks; `body` is the child's whole life. What it throws is its last line.
  init(_ body: (Line) throws -> Void) throws {
    let (own, other) = try Line.pair()
    let pid = tracing_fork()
    if pid == 0 {
      do { try body(other) } catch { other.say("bad \(error)") }
      _exit(0)
    }
    other.close()
    guard pid > 0 else {
      own.close()
      throw Violation("fork failed: errno \(errno)")
    }
    self.pid = pid
    line = own
  }

  deinit {
    if !isOver {
      _ = Glibc.kill(pid, SIGKILL)
      _ = try? Tracee.wait(for: pid)
    }
    line.close()
  }

  /// Tells it something and waits for its answer.
  func ask(_ words: String, within seconds: Double = 20) throws -> String {
    line.say(words)
    return try hear(within: seconds)
  }

  /// What it says next.
  func hear(within seconds: Double = 20) throws -> String {
    let answer = try line.hear(within: seconds)
    if answer.hasPrefix("bad ") { throw Violation(String(answer.dropFirst(4))) }
    return answer
  }

  /// Waits for its end.
  func join() throws {
    isOver = true
    let status = try Tracee.wait(for: pid)
    guard status == 0 else { throw Violation("a part ended with status \(status)") }
  }

  /// Whether it sleeps in the kernel, rather than runs or waits for the core.
  var isAsleep: Bool {
    let words = text(of: "/proc/\(pid)/stat")
    guard let end = words.lastIndex(of: ")") else { return false }
    return words[end...].dropFirst(2).first == "S"
  }
}

/// One end of a conversation in short messages.
struct Line {
  private let socket: Int32

  static func pair() throws -> (Line, Line) {
    var ends = [Int32](repeating: 0, count: 2)
    guard unsafe socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0 else {
      throw Violation("socketpair: errno \(errno)")
    }
    return (Line(socket: ends[0]), Line(socket: ends[1]))
  }

  func close() { _ = Glibc.close(socket) }

  func say(_ words: String) {
    let bytes = Array(words.utf8)
    _ = unsafe send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  func hear(within seconds: Double = 60) throws -> String {
    let deadline = monotonicNanoseconds() + UInt64(seconds * 1e9)
    var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    // Ends: at the deadline.
    while unsafe poll(&poller, 1, 100) <= 0 {
      if monotonicNanoseconds() > deadline { throw Violation("nothing said for \(seconds) s") }
    }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe recv(socket, bytes.baseAddress!, bytes.count, 0)
    }
    guard count > 0 else { throw Violation("the other end is gone") }
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }
}

import CTracing
import Glibc
import TestSupport

/// A forked process that this one drives, instruction by instruction.
struct Tracee {
  let pid: pid_t

  /// Why it stands still.
  enum Stop: Equatable {
    /// After one instruction, or at a system call.
    case trapped
    case atSystemCall
    /// At a mark: the operation begins, or it is over.
    case began
    case ended
    /// Its process has ended: its exit code, or minus the signal.
    case gone(Int32)
    case signalled(Int32)
  }

  /// Forks; `body` runs in the child, stopped before its first instruction.
  init(_ body: () -> Never) throws {
    let pid = tracing_fork_traced()
    if pid == 0 { body() }
    guard pid > 0 else { throw Violation("fork or ptrace failed: errno \(errno)") }
    self.pid = pid
  }

  func step() throws -> Stop { try go(tracing_step) }
  func go() throws -> Stop { try go(tracing_continue) }
  func goToSystemCall() throws -> Stop { try go(tracing_to_system_call) }

  /// Lets it run to its next mark or its end.
  func runToMark() throws -> Stop {
    // Ends: with the operation, or by the deadline of each wait.
    while true {
      let stop = try go()
      if stop != .trapped { return stop }
    }
  }

  /// Stops it before each execution of an instruction; 0: nowhere.
  func breakpoint(at address: UInt64) throws {
    let code = tracing_break_at(pid, address)
    guard code == 0 else { throw Violation("no debug registers here: errno \(code)") }
  }

  var address: UInt64 { tracing_address(pid) }
  var systemCall: Int64 { tracing_system_call(pid) }

  private func go(_ request: (pid_t) -> Int32) throws -> Stop {
    let code = request(pid)
    guard code == 0 else { throw Violation("ptrace: errno \(code)") }
    return Self.stop(try Self.wait(for: pid))
  }

  /// Kills it with SIGKILL and waits until it is gone; its locks are free then.
  func kill() throws {
    _ = Glibc.kill(pid, SIGKILL)
    // Ends: a killed process stops at most once more before it is gone.
    while true {
      if case .gone = Self.stop(try Self.wait(for: pid)) { return }
    }
  }

  /// The status of a child, waited for at most ten seconds.
  static func wait(for pid: pid_t, seconds: Double = 10) throws -> Int32 {
    let deadline = monotonicNanoseconds() + UInt64(seconds * 1e9)
    var status: Int32 = 0
    // Ends: the timer interrupts each wait, and the deadline is looked at.
    while unsafe tracing_wait(pid, &status, 0) != pid {
      guard errno == EINTR else { throw Violation("waitpid: errno \(errno)") }
      if monotonicNanoseconds() > deadline {
        let state = text(of: "/proc/\(pid)/stat").prefix(40)
        let call = text(of: "/proc/\(pid)/syscall")
        _ = Glibc.kill(pid, SIGKILL)
        throw Violation("a process did nothing for \(seconds) s: \(state) in \(call)")
      }
    }
    return status
  }

  private static func stop(_ status: Int32) -> Stop {
    if status & 0x7f == 0 { return .gone(status >> 8 & 0xff) }
    guard status & 0xff == 0x7f else { return .gone(-(status & 0x7f)) }
    switch status >> 8 & 0xff {
    case SIGTRAP: return .trapped
    case SIGTRAP | 0x80: return .atSystemCall
    case SIGUSR1: return .began
    case SIGUSR2: return .ended
    case let signal: return .signalled(signal)
    }
  }
}

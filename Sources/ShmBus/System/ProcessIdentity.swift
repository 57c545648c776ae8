import CShmBus
import Glibc

/// Who a process is, for people: none of it says whether it is alive (see `FileLock`).
struct ProcessIdentity: Sendable {
  let pid: Int32
  let uid: UInt32
  /// The process's name as `ps` shows it; zero-padded, and not terminated when full.
  let command: InlineArray<16, UInt8>

  /// The calling process. Asked anew each time: a forked child is another one.
  static func current() -> ProcessIdentity {
    // Without /proc the name stays empty.
    let name = (try? KernelFile.line(at: "/proc/self/comm")) ?? ""
    var command = InlineArray<16, UInt8>(repeating: 0)
    for (index, byte) in name.utf8.prefix(16).enumerated() { command[index] = byte }
    return ProcessIdentity(pid: getpid(), uid: geteuid(), command: command)
  }

  /// The kernel's number of the calling thread.
  static var threadID: Int32 { shmbus_thread_id() }
}

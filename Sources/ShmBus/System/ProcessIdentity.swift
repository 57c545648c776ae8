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

  /// "uid 1000 (alice) in groups 100 (users), 1000 (alice)": whom the kernel takes the process for.
  static var sentence: String {
    let all = groups.sorted().map(HostName.numberedGroup)
    return "uid \(HostName.numberedUser(geteuid())) in group\(all.count == 1 ? "" : "s") "
      + all.joined(separator: ", ")
  }

  /// Those that the process acts for.
  static var groups: Set<UInt32> {
    var groups = [gid_t](repeating: 0, count: 65_536)
    let count = unsafe getgroups(Int32(groups.count), &groups)
    return Set(groups.prefix(Int(max(0, count))) + [getegid()])
  }

  /// The kernel's number of the calling thread.
  static var threadID: Int32 { shmbus_thread_id() }
}

import Glibc

/// `O_PATH`, and `fcntl`'s command for a lock of an open file description.
private let pathOnly: Int32 = 0o10_000_000
private let setLock: Int32 = 37

/// A process that means harm, with what the kernel lets it have.
///
/// `intruder trespass SEGMENT...` tries every way to write to segments, `intruder lock SEGMENT...` every way to
/// lock them; both say for each "WAY: allowed" or "WAY: errno N".
@main
enum Main {
  static func main() {
    let segments = CommandLine.arguments.dropFirst(2).map { "/dev/shm/" + $0 }
    switch CommandLine.arguments.dropFirst().first {
    case "trespass": for segment in segments { trespass(segment) }
    case "lock": for segment in segments { lock(segment) }
    default:
      say("unknown part")
      exit(64)
    }
  }

  /// A lock that is held looks like life.
  private static func lock(_ path: String) {
    for (way, flags) in [("read", O_RDONLY), ("write", O_RDWR), ("path", pathOnly)] {
      let file = unsafe open(path, flags)
      for (kind, type) in [("shared", F_RDLCK), ("exclusive", F_WRLCK)] {
        var request = flock(
          l_type: Int16(type), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
        report("\(kind) lock (\(way))", unsafe fcntl(file, setLock, &request))
      }
      report("flock (\(way))", flock(file, LOCK_EX | LOCK_NB))
    }
  }

  private static func trespass(_ path: String) {
    report("open for writing", unsafe open(path, O_RDWR))
    report("truncate", unsafe truncate(path, 0))
    report("change the mode of", unsafe chmod(path, 0o666))
    report("unlink", unsafe unlink(path))
    report("rename", unsafe rename(path, path + ".stolen"))
    let reading = unsafe open(path, O_RDONLY)
    guard report("open", reading) else { return }
    report("shorten", ftruncate(reading, 0))
    report("open again for writing", unsafe open("/proc/self/fd/\(reading)", O_RDWR))
    let writable = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reading, 0)
    report("map for writing", unsafe writable == MAP_FAILED ? -1 : 0)
    let mapped = unsafe mmap(nil, 4096, PROT_READ, MAP_SHARED, reading, 0)
    guard report("map", unsafe mapped == MAP_FAILED ? -1 : 0) else { return }
    report("make writable", unsafe mprotect(mapped, 4096, PROT_READ | PROT_WRITE))
  }

  @discardableResult
  private static func report(_ way: String, _ result: Int32) -> Bool {
    let code = errno
    say("\(way): \(result >= 0 ? "allowed" : "errno \(code)")")
    return result >= 0
  }

  private static func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe write(1, bytes, bytes.count)
  }
}

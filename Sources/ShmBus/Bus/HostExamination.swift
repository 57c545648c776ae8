import CShmBus
import Glibc

/// What the machine, its kernel and its shared memory lack.
enum HostExamination {
  static func diagnoses() -> [Diagnosis] {
    [space(), barrier(), locks(), clock(), waitAny()].compactMap(\.self)
  }

  private static func space() -> Diagnosis? {
    // Without a limit both are 0.
    guard let (total, free) = try? SharedMemory.space(), total > 0 else { return nil }
    return space(total: total, free: free)
  }

  /// Nearly full is worth a word; full means that nothing can be created.
  static func space(total: Int, free: Int) -> Diagnosis? {
    let isFull = free < 64 * PartitionLayout.pageSize
    guard isFull || free < total / 20 else { return nil }
    return Diagnosis(
      "/dev/shm", .space, isFull ? .transient : .notice,
      finding: isFull
        ? "shared memory is full: no bus can be created; those that exist have all of theirs"
        : "shared memory is nearly full",
      evidence: "\(free) of \(total) bytes are free",
      fix: "remove a bus ('shmctl list' shows sizes), or enlarge it: "
        + "'mount -o remount,size=... /dev/shm'")
  }

  private static func barrier() -> Diagnosis? {
    if ProcessBarrier.fence() { return nil }
    return Diagnosis(
      "host", .host, .notice, finding: "the kernel offers no membarrier to this process",
      evidence:
        "MEMBARRIER_CMD_GLOBAL_EXPEDITED is refused: Linux before 4.16, or a seccomp filter",
      fix: "everything works, slower: waiters look once a millisecond, and stalled publishers are "
        + "waited for; allow the membarrier system call")
  }

  private static func locks() -> Diagnosis? {
    do throws(SystemError) {
      let file = try Descriptor(path: "/proc/self/exe", flags: O_RDONLY)
      _ = try FileLock.isHeld(0, seenFrom: file.number)
      return nil
    } catch {
      guard error.code == EINVAL || error.code == ENOSYS else { return nil }
      return Diagnosis(
        "host", .host, .damaged,
        finding: "the kernel has no locks of open file descriptions: no death can be noticed",
        evidence: "\(error)", fix: "use Linux 3.15 or later")
    }
  }

  private static func clock() -> Diagnosis? {
    if TSCClock.counterKeepsTime { return nil }
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    let source = (try? KernelFile.line(at: path)) ?? "unknown"
    return Diagnosis(
      "host", .host, .notice, finding: "the kernel does not keep time by the CPU's counter",
      evidence: "the clocksource is '\(source)', not 'tsc'",
      fix: "everything works; each timestamp costs a reading of the kernel's clock, some 20 ns or "
        + "more")
  }

  private static func waitAny() -> Diagnosis? {
    var word: UInt32 = 1
    do throws(SystemError) {
      // The word is not 0, so that it returns at once.
      _ = try unsafe withUnsafePointer(to: &word) { pointer throws(SystemError) in
        try unsafe Futex.waitAny([UnsafeRawPointer(pointer)], for: 0)
      }
      return nil
    } catch {
      guard error.code == ENOSYS || error.code == EPERM else { return nil }
      return Diagnosis(
        "host", .host, .notice, finding: "the kernel cannot wait for several words at once",
        evidence: "futex_waitv is refused: Linux before 5.16, or a seccomp filter",
        fix: "everything works; who waits for several buses looks at them in turn")
    }
  }
}

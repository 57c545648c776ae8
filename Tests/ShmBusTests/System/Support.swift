import Glibc
import Testing

@testable import ShmBus

/// Ours, not glibc's `sem_t *`.
typealias Semaphore = ShmBus.Semaphore

/// A name in `/dev/shm` that no other test, run or process uses.
func uniqueName(_ what: String) -> String {
  "/shmbus-test.\(what).\(getpid()).\(UInt64.random(in: 0 ... .max))"
}

/// A new object of `byteCount` bytes for the time of `body`; its name is gone afterwards.
func withSharedMemory(
  _ what: String, byteCount: Int, _ body: (borrowing SharedMemory) throws -> Void
) throws {
  let name = uniqueName(what)
  let memory = try SharedMemory.create(name)
  defer { _ = try? SharedMemory.unlink(name) }
  try memory.allocate(byteCount: byteCount)
  try body(memory)
}

/// Open descriptors of this process. Compared only inside an exit test, which is alone in its own.
func openDescriptorCount() throws -> Int {
  guard let directory = unsafe opendir("/proc/self/fd") else {
    throw SystemError.last("opendir", "/proc/self/fd")
  }
  defer { unsafe _ = closedir(directory) }
  var count = 0
  while unsafe readdir(directory) != nil { count += 1 }
  return count
}

/// Mappings of this process, by the kernel's own count.
func mappingCount() throws -> Int {
  let descriptor = try Descriptor(path: "/proc/self/maps", flags: O_RDONLY)
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  var lines = 0
  while true {
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe read(descriptor.number, $0.baseAddress, $0.count)
    }
    if count <= 0 { return lines }
    lines += buffer.prefix(count).count { $0 == UInt8(ascii: "\n") }
  }
}

/// `fork`, which Swift hides. The child may only do what a signal handler may, then `_exit`.
func forkProcess() throws -> pid_t {
  guard let symbol = unsafe dlsym(nil, "fork") else {
    throw SystemError(call: "dlsym", subject: "fork", code: ENOSYS)
  }
  let call = unsafe unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)
  return call()
}

/// Waits for a forked child; its exit code, or -1 when it did not exit by itself.
func exitCode(of child: pid_t) -> Int32 {
  var status: Int32 = 0
  guard retryingInterrupts({ unsafe waitpid(child, &status, 0) }) == child else { return -1 }
  return status & 0x7f == 0 ? (status >> 8) & 0xff : -1
}

/// Asks until `condition` holds or ten seconds are over, far more than it should ever take.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = Clock.deadline(in: 10_000_000_000)
  while Clock.monotonic() < deadline {
    if try condition() { return true }
    _ = usleep(500)
  }
  return false
}

/// Runs `work` on a thread of its own while `body` runs, and joins it.
///
/// Not a task: an exit test blocks a thread of the pool for as long as its process lives, and two
/// of them are the whole pool here. Whoever works with that process must not need the pool.
func withThread(
  _ work: @escaping @Sendable () -> Void, while body: () async throws -> Void
) async throws {
  let thread = try startThread(work)
  do {
    try await body()
  } catch {
    _ = pthread_join(thread, nil)
    throw error
  }
  _ = pthread_join(thread, nil)
}

private func startThread(_ work: @escaping @Sendable () -> Void) throws -> pthread_t {
  final class Box: Sendable {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
  }
  var thread = pthread_t()
  let box = unsafe Unmanaged.passRetained(Box(work))
  let code = unsafe pthread_create(
    &thread, nil,
    { argument in
      if let argument = unsafe argument {
        unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().work()
      }
      return nil
    }, box.toOpaque())
  try SystemError.check(code, "pthread_create", "test")
  return thread
}

/// Whether this host lets the test mount.
let mayMount: Bool = geteuid() == 0 && runs(["unshare", "-m", "true"])
/// Whether the test may trace.
let hasStrace: Bool = runs(["strace", "-o", "/dev/null", "true"])

/// Whether a command runs and says yes.
func runs(_ command: [String]) -> Bool {
  var words: [UnsafeMutablePointer<CChar>?] = unsafe command.map { unsafe strdup($0) } + [nil]
  defer { for index in unsafe words.indices { unsafe free(words[index]) } }
  var child = pid_t()
  guard unsafe posix_spawnp(&child, command[0], nil, nil, &words, environ) == 0 else {
    return false
  }
  var status: Int32 = 0
  while unsafe waitpid(child, &status, 0) < 0 && errno == EINTR {}
  return status == 0
}

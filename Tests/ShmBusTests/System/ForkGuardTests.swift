import Glibc
import Testing

@testable import ShmBus

// Each in a process of its own: they fork, and the table belongs to the process.
@Suite struct ForkGuardTests {
  @Test func aChildKeepsNoGuardedDescriptor() async {
    await #expect(processExitsWith: .success) {
      let guarded = try Descriptor(path: "/dev/null", flags: O_RDONLY)
      let removed = try Descriptor(path: "/dev/null", flags: O_RDONLY)
      try ForkGuard.add(guarded.number)
      try ForkGuard.add(removed.number)
      ForkGuard.remove(removed.number)
      let (first, second) = (guarded.number, removed.number)
      let child = try forkProcess()
      if child == 0 {
        let isClosed = fcntl(first, F_GETFD) == -1 && errno == EBADF
        let isOpen = fcntl(second, F_GETFD) != -1
        _exit((isClosed ? 0 : 1) + (isOpen ? 0 : 2))
      }
      #expect(exitCode(of: child) == 0)
      #expect(fcntl(first, F_GETFD) != -1)
    }
  }

  @Test func theLockStaysWithTheParentAndDiesWithIt() async {
    await #expect(processExitsWith: .success) {
      let name = uniqueName("fork-lock")
      let memory = try SharedMemory.create(name)
      defer { _ = try? SharedMemory.unlink(name) }
      let number = try memory.reopened(writable: true).release()
      try ForkGuard.add(number)
      #expect(try FileLock.acquire(1, of: number))
      let child = try forkProcess()
      if child == 0 {
        while true { _ = sleep(1) }
      }
      // The child's copy is closed before `fork` returns there, maybe after it returned here.
      #expect(try FileLock.isHeld(1, seenFrom: memory.descriptor.number))
      _ = close(number)
      let freed = try eventually {
        try FileLock.isHeld(1, seenFrom: memory.descriptor.number) == false
      }
      _ = kill(child, SIGKILL)
      #expect(exitCode(of: child) == -1)
      #expect(freed)
    }
  }

  @Test func aFullTableIsAnError() async {
    await #expect(processExitsWith: .success) {
      // Numbers that are never opened: the table does not care.
      for fd in 0..<Int32(ForkGuard.capacity) { try ForkGuard.add(100_000 + fd) }
      let error = #expect(throws: SystemError.self) { try ForkGuard.add(99_999) }
      #expect(error?.code == EMFILE)
      ForkGuard.remove(100_005)
      try ForkGuard.add(99_999)
    }
  }
}

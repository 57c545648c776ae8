import Foundation
import Glibc
import Testing

@testable import ShmBus

// Each in a process of its own: they fork, and the table belongs to the process.
@Suite struct ForkGuardTests {
  @Test func aChildKeepsNoGuardedDescriptor() async {
    await #expect(processExitsWith: .success) {
      // Plain numbers: the compiler destroys a `Descriptor` as soon as a branch cannot return.
      let guarded = try Descriptor(path: "/dev/null", flags: O_RDONLY).release()
      let removed = try Descriptor(path: "/dev/null", flags: O_RDONLY).release()
      try ForkGuard.add(guarded)
      try ForkGuard.add(removed)
      #expect(ForkGuard.remove(removed))
      let child = try forkProcess()
      if child == 0 {
        let isClosed = fcntl(guarded, F_GETFD) == -1 && errno == EBADF
        let isOpen = fcntl(removed, F_GETFD) != -1
        _exit((isClosed ? 0 : 1) + (isOpen ? 0 : 2))
      }
      #expect(exitCode(of: child) == 0)
      #expect(fcntl(guarded, F_GETFD) != -1)
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

  @Test func aGuardedDescriptorLeavesTheTableWhenItIsClosed() async {
    await #expect(processExitsWith: .success) {
      let path = "/dev/full"
      let number: Int32
      do {
        let guarded = try UnforkableDescriptor(Descriptor(path: path, flags: O_RDONLY))
        number = guarded.number
      }
      // Another thread of the process may have been given the number at once.
      let link = "/proc/self/fd/\(number)"
      #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != path)
      let next = dup2(try Descriptor(path: path, flags: O_RDONLY).release(), number)
      try #require(next == number)
      let child = try forkProcess()
      if child == 0 { _exit(fcntl(next, F_GETFD) == -1 ? 1 : 0) }
      #expect(exitCode(of: child) == 0)
    }
  }

  @Test func aFullTableIsAnError() async {
    await #expect(processExitsWith: .success) {
      // Numbers that are never opened: the table does not care.
      for fd in 0..<Int32(ForkGuard.capacity) { try ForkGuard.add(100_000 + fd) }
      let error = #expect(throws: SystemError.self) { try ForkGuard.add(99_999) }
      #expect(error?.code == EMFILE)
      #expect(ForkGuard.remove(100_005))
      try ForkGuard.add(99_999)
    }
  }
}

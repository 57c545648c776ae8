import Glibc
import Synchronization
import Testing

@testable import ShmBus

@Suite struct FileLockTests {
  @Test func aByteHasOneOwner() throws {
    try withSharedMemory("lock", byteCount: 4096) { memory in
      let mine = try memory.reopened(writable: true)
      let theirs = try memory.reopened(writable: true)
      #expect(try FileLock.acquire(5, of: mine.number))
      #expect(try FileLock.acquire(5, of: theirs.number) == false)
      #expect(try FileLock.isHeld(5, seenFrom: theirs.number))
      #expect(try FileLock.isHeld(6, seenFrom: theirs.number) == false)
      #expect(try FileLock.acquire(6, of: theirs.number))
      try FileLock.release(5, of: mine.number)
      #expect(try FileLock.isHeld(5, seenFrom: theirs.number) == false)
      #expect(try FileLock.acquire(5, of: theirs.number))
    }
  }

  @Test func closingFreesEverythingAndOnlyItsOwn() throws {
    try withSharedMemory("close", byteCount: 4096) { memory in
      let probe = try memory.reopened(writable: false)
      do {
        let owner = try memory.reopened(writable: true)
        #expect(try FileLock.acquire(1 << 40, of: owner.number))
        // The trap of POSIX locks: closing any other descriptor of the file would free it.
        do { _ = try memory.reopened(writable: true) }
        #expect(try FileLock.isHeld(1 << 40, seenFrom: probe.number))
      }
      #expect(try FileLock.isHeld(1 << 40, seenFrom: probe.number) == false)
    }
  }

  @Test func aReaderCannotLookLikeAnOwner() throws {
    try withSharedMemory("reader", byteCount: 4096) { memory in
      let reader = try memory.reopened(writable: false)
      let probe = try memory.reopened(writable: false)
      var everything = flock(
        l_type: Int16(F_RDLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
      #expect(unsafe fcntl(reader.number, 37, &everything) == 0)
      #expect(try FileLock.isHeld(3, seenFrom: probe.number) == false)
      let error = #expect(throws: SystemError.self) { try FileLock.acquire(3, of: reader.number) }
      #expect(error?.code == EBADF)
    }
  }

  @Test func aNumberThatIsNoDescriptorIsAnError() {
    #expect(throws: SystemError.self) { try FileLock.acquire(0, of: -1) }
    #expect(throws: SystemError.self) { try FileLock.release(0, of: -1) }
    #expect(throws: SystemError.self) { try FileLock.isHeld(0, seenFrom: -1) }
  }

  /// The owner is a process of its own: stopped it holds the lock, killed it does not.
  @Test func theKernelFreesTheLockOfAKilledProcess() async throws {
    let name = uniqueName("killed")
    let memory = try SharedMemory.create(name)
    defer { _ = try? SharedMemory.unlink(name) }
    try memory.allocate(byteCount: 4096)
    let seen = Atomic<Int>(0)
    try await withThread {
      guard let held = try? Self.watchAndKill(name) else { return }
      seen.store(held, ordering: .relaxed)
    } while: {
      await #expect(processExitsWith: .signal(SIGKILL)) { [name = name as String] in
        let memory = try SharedMemory.open(name, writable: true)
        let view = try Mapping(memory.descriptor, byteCount: 4096, writable: true, populate: true)
        try #require(try FileLock.acquire(9, of: memory.descriptor.number))
        unsafe view.base.storeBytes(of: getpid(), as: pid_t.self)
        unsafe Semaphore(view.base, at: 64).post()
        // Longer than the other side watches; then it is a failure.
        _ = sleep(60)
      }
    }
    // Held while it ran, held while it was stopped, free when it was dead.
    #expect(seen.load(ordering: .relaxed) == 0b111)
  }

  private static func watchAndKill(_ name: String) throws -> Int {
    let memory = try SharedMemory.open(name, writable: true)
    let view = try Mapping(memory.descriptor, byteCount: 4096, writable: true, populate: true)
    let probe = { try FileLock.isHeld(9, seenFrom: $0) }
    guard unsafe Semaphore(view.base, at: 64).wait(for: 30_000_000_000) else { return 0 }
    let owner = unsafe view.base.load(as: pid_t.self)
    var seen = try probe(memory.descriptor.number) ? 1 : 0
    _ = kill(owner, SIGSTOP)
    seen |= try probe(memory.descriptor.number) ? 2 : 0
    _ = kill(owner, SIGKILL)
    seen |= try eventually { try !probe(memory.descriptor.number) } ? 4 : 0
    return seen
  }
}

import Glibc
import Testing

@testable import ShmBus

@Suite struct SharedMemoryTests {
  @Test func aNameIsCreatedOnce() throws {
    let name = uniqueName("once")
    let first = try SharedMemory.create(name)
    defer { _ = try? SharedMemory.unlink(name) }
    let error = #expect(throws: SystemError.self) { _ = try SharedMemory.create(name) }
    #expect(error?.code == EEXIST)
    #expect(try first.byteCount() == 0)
    #expect(try first.ownership() == FileOwnership(uid: geteuid(), gid: getegid(), mode: 0o600))
  }

  @Test func anAbsentNameIsNotOpened() {
    let name = uniqueName("absent")
    let error = #expect(throws: SystemError.self) {
      _ = try SharedMemory.open(name, writable: false)
    }
    #expect(error == SystemError(call: "shm_open", subject: name, code: ENOENT))
  }

  @Test func allocatedSpaceIsReallyThere() throws {
    try withSharedMemory("allocate", byteCount: 1 << 20) { memory in
      var status = stat()
      #expect(unsafe fstat(memory.descriptor.number, &status) == 0)
      let size = try memory.byteCount()
      #expect(size == 1 << 20)
      #expect(status.st_blocks * 512 >= 1 << 20)
    }
  }

  @Test func aSizeThatDoesNotFitLeavesNothing() throws {
    let space = try SharedMemory.space()
    try #require(space.total > 0)
    try withSharedMemory("too-large", byteCount: 4096) { memory in
      let error = #expect(throws: SystemError.self) {
        try memory.allocate(byteCount: space.total + 4096)
      }
      #expect(error?.code == ENOSPC)
      let size = try memory.byteCount()
      #expect(size == 4096)
      var status = stat()
      #expect(unsafe fstat(memory.descriptor.number, &status) == 0)
      #expect(status.st_blocks * 512 == 4096)
    }
  }

  @Test func modeIsSetWhateverTheUmask() throws {
    try withSharedMemory("mode", byteCount: 4096) { memory in
      let access = FileAccess(group: getegid(), mode: 0o666)
      try access.apply(to: memory.descriptor, named: "mode")
      let ownership = try memory.ownership()
      #expect(ownership.mode == 0o666 && ownership.gid == getegid())
    }
  }

  @Test func identityFollowsTheObjectAndNotTheName() throws {
    let name = uniqueName("identity")
    let old = try SharedMemory.create(name)
    #expect(try SharedMemory.identity(of: name) == old.identity())
    #expect(try SharedMemory.unlink(name))
    #expect(try SharedMemory.identity(of: name) == nil)
    #expect(try SharedMemory.unlink(name) == false)
    let new = try SharedMemory.create(name)
    defer { _ = try? SharedMemory.unlink(name) }
    #expect(try new.identity() != old.identity())
  }

  @Test func reopeningFindsTheSameObjectWithoutItsName() throws {
    try withSharedMemory("reopen", byteCount: 4096) { memory in
      #expect(try FileLock.acquire(7, of: memory.descriptor.number))
      #expect(try SharedMemory.unlink(memory.name))
      let again = try memory.reopened(writable: true)
      var status = stat()
      #expect(unsafe fstat(again.number, &status) == 0)
      #expect(UInt64(status.st_ino) == (try memory.identity()).inode)
      // A description of its own: it sees the first one's lock as somebody else's.
      #expect(try FileLock.isHeld(7, seenFrom: again.number))
      #expect(try FileLock.isHeld(7, seenFrom: memory.descriptor.number) == false)
    }
  }

  @Test func aReadOnlyReopeningCannotBeMappedForWriting() throws {
    try withSharedMemory("read-only", byteCount: 4096) { memory in
      let reader = try memory.reopened(writable: false)
      let error = #expect(throws: SystemError.self) {
        _ = try Mapping(reader, byteCount: 4096, writable: true, populate: false)
      }
      #expect(error?.code == EACCES)
    }
  }

  @Test func namesAreFoundByPrefix() throws {
    let prefix = uniqueName("names")
    let wanted = ["\(prefix).a", "\(prefix).b"]
    for name in wanted.reversed() { _ = try SharedMemory.create(name) }
    defer { for name in wanted { _ = try? SharedMemory.unlink(name) } }
    #expect(try SharedMemory.names(withPrefix: prefix) == wanted)
    #expect(try SharedMemory.names(withPrefix: prefix + ".c") == [])
  }

  @Test func whatFailsLeavesNoDescriptorOpen() async {
    await #expect(processExitsWith: .success) {
      let name = uniqueName("leak")
      do {
        let memory = try SharedMemory.create(name)
        defer { _ = try? SharedMemory.unlink(name) }
        _ = try SharedMemory.names(withPrefix: name)
        let before = try openDescriptorCount()
        for _ in 0..<50 {
          _ = try? SharedMemory.create(name)
          _ = try? SharedMemory.open(name + ".absent", writable: true)
          _ = try? Mapping(memory.descriptor, byteCount: 0, writable: true, populate: false)
          _ = try? memory.reopened(writable: false)
          _ = try? SharedMemory.names(withPrefix: "/absent")
          _ = try? KernelFile.line(at: "/proc/self")
        }
        // The runtime may open some of its own; 50 leaks would be 50 at least.
        #expect(try openDescriptorCount() < before + 10)
      }
    }
  }
}

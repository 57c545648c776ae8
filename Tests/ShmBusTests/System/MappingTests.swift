import Glibc
import Testing

@testable import ShmBus

@Suite struct MappingTests {
  private static let page = 4096

  @Test(arguments: [false, true])
  func aStretchShowsAgainAfterTheEnd(populate: Bool) throws {
    let whole = 8 * Self.page
    let stretch = 5 * Self.page..<7 * Self.page
    try withSharedMemory("ring", byteCount: whole) { memory in
      let ring = try Mapping(
        ring: memory.descriptor, byteCount: whole, repeating: stretch, writable: true,
        populate: populate)
      #expect(ring.byteCount == whole + stretch.count)
      // A word that runs over the end: its first half ends the object, its second begins the stretch.
      unsafe (ring.base + whole - 4).storeBytes(of: 0x1122_3344_5566_7788, as: UInt64.self)
      #expect(unsafe (ring.base + whole - 4).load(as: UInt32.self) == 0x5566_7788)
      #expect(unsafe (ring.base + stretch.lowerBound).load(as: UInt32.self) == 0x1122_3344)
      // And back: the stretch's last byte is the mapping's last byte.
      unsafe (ring.base + stretch.upperBound - 1).storeBytes(of: 0xaa, as: UInt8.self)
      #expect(unsafe (ring.base + ring.byteCount - 1).load(as: UInt8.self) == 0xaa)
    }
  }

  @Test func twoMappingsShareTheBytes() throws {
    try withSharedMemory("share", byteCount: Self.page) { memory in
      let writer = try Mapping(
        memory.descriptor, byteCount: Self.page, writable: true, populate: true)
      let reader = try Mapping(
        memory.descriptor, byteCount: Self.page, writable: false, populate: true)
      unsafe writer.base.storeBytes(of: 42, toByteOffset: 100, as: UInt8.self)
      #expect(unsafe reader.base.load(fromByteOffset: 100, as: UInt8.self) == 42)
    }
  }

  @Test func writingThroughAReadOnlyMappingIsRefusedByTheKernel() async {
    await #expect(processExitsWith: .signal(SIGSEGV)) {
      let name = uniqueName("segv")
      let memory = try SharedMemory.create(name)
      _ = try SharedMemory.unlink(name)
      try memory.allocate(byteCount: 4096)
      let reader = try Mapping(
        memory.descriptor, byteCount: 4096, writable: false, populate: false)
      // The runtime would otherwise spend seconds on a backtrace of the death we came for.
      _ = signal(SIGSEGV, SIG_DFL)
      unsafe reader.base.storeBytes(of: 1, as: UInt8.self)
    }
  }

  @Test(arguments: [
    (4096, 0..<0), (4096, -4096..<0), (4096, 0..<8192), (8192, 100..<8192),
    (8200, 0..<4096), (Int.max, 0..<4096), (-4096, 0..<4096), (0, 0..<4096),
  ])
  func aStretchThatCannotBeIsRefused(byteCount: Int, stretch: Range<Int>) throws {
    try withSharedMemory("bad-stretch", byteCount: 8192) { memory in
      #expect(throws: SystemError.self) {
        _ = try Mapping(
          ring: memory.descriptor, byteCount: byteCount, repeating: stretch, writable: true,
          populate: false)
      }
    }
  }

  @Test func nothingStaysMapped() async {
    await #expect(processExitsWith: .success) {
      let name = uniqueName("maps")
      let memory = try SharedMemory.create(name)
      defer { _ = try? SharedMemory.unlink(name) }
      let whole = 1 << 20
      let stretch = (whole - (1 << 16))..<whole
      try memory.allocate(byteCount: whole)
      let reader = try memory.reopened(writable: false)
      func once() {
        // Fails after the address space is reserved: at the first view, then at the second.
        _ = try? Mapping(
          ring: reader, byteCount: whole, repeating: stretch, writable: true, populate: false)
        _ = try? Mapping(
          ring: reader, byteCount: whole, repeating: 100..<8192, writable: false, populate: false)
        _ = try? Mapping(
          ring: reader, byteCount: whole, repeating: stretch, writable: false, populate: true)
        _ = try? Mapping(reader, byteCount: whole, writable: false, populate: true)
      }
      once()
      let before = try mappingCount()
      for _ in 0..<50 { once() }
      // Allocator arenas may come or go; 50 leaks would be 50 lines at least.
      #expect(abs(try mappingCount() - before) < 10)
    }
  }

  /// It finds zeroes of its own instead, and is told.
  @Test func aChildDoesNotInheritIt() async {
    await #expect(processExitsWith: .success) {
      let name = uniqueName("dontfork")
      let memory = try SharedMemory.create(name)
      defer { _ = try? SharedMemory.unlink(name) }
      try memory.allocate(byteCount: 8192)
      let ring = try Mapping(
        ring: memory.descriptor, byteCount: 8192, repeating: 4096..<8192, writable: true,
        populate: true)
      unsafe memset(ring.base, 7, 8192)
      let child = try forkProcess()
      if child == 0 {
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: ring.base, count: 12_288)
        let isEmpty = unsafe bytes.allSatisfy { $0 == 0 }
        unsafe memset(ring.base, 9, 12_288)
        _exit(isEmpty && ring.fate == .forked ? 0 : 1)
      }
      #expect(exitCode(of: child) == 0)
      let bytes = unsafe UnsafeRawBufferPointer(start: ring.base, count: 12_288)
      #expect(unsafe bytes.allSatisfy { $0 == 7 } && ring.fate == .whole)
    }
  }
}

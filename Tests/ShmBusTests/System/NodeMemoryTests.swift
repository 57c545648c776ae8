import Glibc
import Testing

@testable import ShmBus

@Suite struct NodeMemoryTests {
  @Test func aCensusOfPages() {
    var census = PageCensus(pages: [0: 7, 2: 7], unknown: 1)
    #expect(census.total == 15 && census.mostly == 0 && !census.isAll(on: 0))
    census = PageCensus(pages: [2: 3])
    #expect(census.isAll(on: 2) && !census.isAll(on: 0))
    #expect(!PageCensus().isAll(on: 0) && PageCensus().mostly == nil)
  }

  @Test func pagesOfSharedMemoryAreCounted() throws {
    let count = 64 * PageCensus.pageSize
    try withSharedMemory("census", byteCount: count) { memory in
      let mapping = try Mapping(
        memory.descriptor, byteCount: count, writable: true, populate: false)
      let census: PageCensus
      do throws(SystemError) { census = try mapping.census(first: count) } catch {
        // A kernel without NUMA, or a filter.
        #expect([ENOSYS, EPERM].contains(error.code))
        return
      }
      #expect(census.total == 64 && census.unknown == 0)
      #expect(Set(census.pages.keys).isSubset(of: Set(NUMATopology.host().nodes.map(\.number))))
      #expect(try mapping.census(first: count, pages: 8).total == 8)
    }
  }

  @Test(arguments: [true, false])
  func whatIsPopulatedFaultsNoMore(writable: Bool) throws {
    let count = 256 * PageCensus.pageSize
    try withSharedMemory("populate", byteCount: count) { memory in
      let mapping = try Mapping(
        memory.descriptor, byteCount: count, writable: writable, populate: false)
      try mapping.populate()
      let before = try Self.faults()
      for page in 0..<256 {
        let word = unsafe SharedWord(mapping.base, at: page * PageCensus.pageSize)
        if writable { word.storeRelaxed(1) } else { _ = word.loadRelaxed() }
      }
      #expect(try Self.faults() - before < 16)
    }
  }

  /// Of this thread.
  private static func faults() throws -> Int {
    let text = try KernelFile.text(at: "/proc/thread-self/stat")
    let fields = try #require(text.split(separator: ")").last).split(separator: " ")
    return try #require(fields.count > 7 ? Int(fields[7]) : nil, "\(text)")
  }

  @Test func aNodeThatIsNotThereIsRefused() throws {
    try withSharedMemory("nowhere", byteCount: PageCensus.pageSize) { memory in
      let mapping = try Mapping(
        memory.descriptor, byteCount: PageCensus.pageSize, writable: true, populate: false)
      for node in [1023, 1024, Int.max] {
        do throws(SystemError) {
          try mapping.prefer(node: node)
          Issue.record("node \(node) was taken")
        } catch { #expect([EINVAL, ENOSYS, EPERM].contains(error.code)) }
      }
    }
  }

  @Test(arguments: [1 << 21, 1 << 14])
  func anAlignedMappingIsAlignedAndWhole(alignment: Int) throws {
    let page = PageCensus.pageSize
    try withSharedMemory("aligned", byteCount: 3 * page) { memory in
      let plain = try Mapping(
        memory.descriptor, byteCount: 3 * page, writable: true, populate: false,
        alignment: alignment)
      let ring = try Mapping(
        ring: memory.descriptor, byteCount: 3 * page, repeating: page..<(3 * page),
        writable: false, populate: true, alignment: alignment)
      #expect(unsafe UInt(bitPattern: plain.base) % UInt(alignment) == 0)
      #expect(unsafe UInt(bitPattern: ring.base) % UInt(alignment) == 0)
      unsafe SharedWord(plain.base, at: page).storeRelaxed(77)
      #expect(unsafe SharedWord(ring.base, at: page).loadRelaxed() == 77)
      #expect(unsafe SharedWord(ring.base, at: 3 * page).loadRelaxed() == 77)
    }
  }
}

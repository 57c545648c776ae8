import CShmBus
import Glibc
import Testing

@testable import ShmBus

@Suite struct AffinityTests {
  @Test func aPinnedThreadStaysWhereItIs() throws {
    let before = try Affinity.allowed()
    let target = try #require(before.last)
    try Affinity.pin(to: [target])
    defer { _ = try? Affinity.pin(to: before) }
    #expect(try Affinity.allowed() == [target])
    #expect(Affinity.currentCPU == target)
  }

  @Test(arguments: [[], [-1], [Int.max], [65_535]] as [[Int]])
  func cpusThatAreNotThereAreAnError(cpus: [Int]) {
    let error = #expect(throws: SystemError.self) { try Affinity.pin(to: cpus) }
    #expect(error?.code == EINVAL)
  }
}

@Suite struct ProcessIdentityTests {
  @Test func itIsThisProcess() throws {
    let identity = ProcessIdentity.current()
    #expect(identity.pid == getpid())
    #expect(identity.uid == geteuid())
    let name = try KernelFile.line(at: "/proc/self/comm")
    #expect(!name.isEmpty && name.utf8.count < 16)
    let command = (0..<16).map { identity.command[$0] }
    #expect(command == Array(name.utf8) + Array(repeating: 0, count: 16 - name.utf8.count))
    #expect(ProcessIdentity.threadID > 0)
  }
}

@Suite struct ProcessBarrierTests {
  @Test func registeringIsRememberedAndTheFenceRuns() {
    #expect(ProcessBarrier.register() == ProcessBarrier.register())
    // Both or none: one kernel version brought them, one filter forbids them.
    #expect(ProcessBarrier.fence() == ProcessBarrier.register())
  }
}

@Suite struct ChecksumTests {
  private static let vectors: [([UInt8], UInt32)] = [
    (Array("123456789".utf8), 0xe306_9283),
    ([], 0),
    // RFC 3720, appendix B.4.
    (Array(repeating: 0, count: 32), 0x8a91_36aa),
    (Array(repeating: 0xff, count: 32), 0x62a8_ab43),
    (Array(0..<32), 0x46dd_794e),
  ]

  @Test(arguments: vectors)
  func knownVectors(bytes: [UInt8], expected: UInt32) {
    #expect(unsafe shmbus_crc32c(0, bytes, bytes.count) == expected)
    #expect(unsafe shmbus_crc32c_portable(0, bytes, bytes.count) == expected)
  }

  @Test func itContinuesFromAnyPoint() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    let whole = unsafe shmbus_crc32c(0, bytes, bytes.count)
    for cut in 0...bytes.count {
      let (head, tail) = (Array(bytes[..<cut]), Array(bytes[cut...]))
      let first = unsafe shmbus_crc32c(0, head, head.count)
      #expect(unsafe shmbus_crc32c(first, tail, tail.count) == whole)
      #expect(unsafe shmbus_crc32c_portable(first, tail, tail.count) == whole)
    }
  }
}

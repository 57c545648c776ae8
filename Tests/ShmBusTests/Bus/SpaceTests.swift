import Glibc
import TestSupport
import Testing

@testable import ShmBus

@Suite struct SpaceTests {
  @Test func tooLittleSharedMemoryIsAClearError() throws {
    let name = TestSpace.busName("huge")
    defer { TestSpace.clear(name) }
    // A petabyte a partition.
    let configuration = BusConfiguration(partitions: 2, slots: 1 << 30, slotSize: 1 << 20)
    let error = busError { _ = try Bus.create(name, configuration) }
    #expect(error?.code == .cannotCreate)
    let need = configuration.controlBytes + 2 * configuration.partitionBytes
    let message = error?.message ?? ""
    #expect(message.contains("needs \(need) bytes"))
    #expect(message.contains("free"))
    #expect(message.contains("--slots") && message.contains("remount"))
    #expect(TestSpace.segments(of: name) == [])
  }

  /// A `/dev/shm` of one megabyte, in a mount namespace of its own: the kernel says no, at every step.
  @Test(.enabled(if: mayMount), arguments: [1, 2, 3, 4])
  func nothingIsLeftWhereTheKernelSaysNo(partitions: Int) throws {
    // Which fits by bytes alone, but not with what the others have taken: the free space is asked first.
    let slots = 4096 / partitions.nextPowerOfTwo * 2
    let script = """
      mount -t tmpfs -o size=1m none /dev/shm && \
      "$0" create bus=full partitions=\(partitions) slots=\(slots) slotSize=64 < /dev/null; \
      echo "code $?"; ls /dev/shm; echo done
      """
    let lines = try shell(script)
    #expect(lines.contains("code 73"), "\(lines)")
    #expect(lines.contains { $0.hasPrefix("error 73") && $0.contains("remount") })
    #expect(lines.suffix(1) == ["done"] && lines.suffix(2).first == "code 73", "\(lines)")
  }

  /// The space that `statvfs` promised is taken by somebody else before it is allocated.
  @Test(.enabled(if: mayMount && hasStrace))
  func nothingIsLeftWhenTheSpaceGoesWhileItIsAllocated() throws {
    for step in 1...3 {
      let script = """
        mount -t tmpfs -o size=16m none /dev/shm && \
        strace -qq -o /dev/null -e trace=fallocate -e inject=fallocate:error=ENOSPC:when=\(step) \
        "$0" create bus=full partitions=2 slots=64 < /dev/null; \
        echo "code $?"; ls /dev/shm; echo done
        """
      let lines = try shell(script)
      #expect(lines.contains { $0.hasPrefix("error 73") && $0.contains("remount") })
      #expect(lines.suffix(1) == ["done"] && lines.suffix(2).first == "code 73", "\(lines)")
    }
  }

  private func shell(_ script: String) throws -> [String] {
    let actor = try Actor(command: ["unshare", "-m", "sh", "-c", script, Actor.path])
    return try actor.rest()
  }
}

extension Int {
  fileprivate var nextPowerOfTwo: Int {
    self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
  }
}

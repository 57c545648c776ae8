import Glibc
import Testing

@testable import ShmBus

@Suite struct SystemErrorTests {
  @Test func saysWhatWasRefusedAndWhy() {
    let error = SystemError(call: "shm_open", subject: "/shmbus.orders.control", code: ENOENT)
    #expect(
      error.description == "shm_open /shmbus.orders.control: No such file or directory (ENOENT)")
  }

  @Test(arguments: [-1, 9999] as [Int32])
  func aNumberThatIsNoErrnoIsShownAsIs(code: Int32) {
    #expect(SystemError(call: "a", subject: "b", code: code).description == "a b: error \(code)")
  }

  @Test func interruptedCallsAreRepeatedAndOthersNot() {
    var calls = 0
    let result = retryingInterrupts {
      calls += 1
      errno = calls < 3 ? EINTR : EIO
      return -1
    }
    #expect(result == -1 && calls == 3 && errno == EIO)
  }
}

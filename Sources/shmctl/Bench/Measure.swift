import CShmBus
import Glibc
import Synchronization
import ToolSupport

/// A thread on a processor of its own.
final class Thread {
  private let handle: pthread_t

  private final class Job {
    let processor: Int
    let body: @Sendable () -> Void
    init(_ processor: Int, _ body: @escaping @Sendable () -> Void) {
      self.processor = processor
      self.body = body
    }
  }

  init(on processor: Int, _ body: @escaping @Sendable () -> Void) {
    var handle = pthread_t()
    let job = unsafe Unmanaged.passRetained(Job(processor, body)).toOpaque()
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let job = unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue()
        Processors.pin(to: job.processor)
        job.body()
        return nil
      }, job)
    precondition(code == 0, "a thread can be started")
    self.handle = handle
  }

  func join() { pthread_join(handle, nil) }

  /// Runs `body` on a processor and returns what it returns.
  static func run<Result: Sendable>(
    on processor: Int, _ body: @escaping @Sendable () -> Result
  ) -> Result {
    let answer = Answer<Result>()
    let thread = Thread(on: processor) {
      let result = body()
      answer.value.withLock { $0 = result }
    }
    thread.join()
    return answer.value.withLock { $0! }
  }

  private final class Answer<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
  }
}

/// The CPU's counter, as a measure of time.
enum Cycles {
  /// Cycles in a nanosecond, measured over 20 ms.
  private static let rate: Double = {
    let (time, cycles) = (monotonic(), shmbus_cycles())
    while monotonic() - time < 20_000_000 {}
    return Double(shmbus_cycles() &- cycles) / Double(monotonic() - time)
  }()

  static func nanoseconds(_ cycles: UInt64) -> Double { Double(cycles) / rate }
  static func count(in seconds: Double) -> UInt64 { UInt64(seconds * 1e9 * rate) }

  static func monotonic() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

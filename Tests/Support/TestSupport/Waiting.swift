import Glibc

/// Nanoseconds that never go back.
public func monotonicNanoseconds() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

/// CPU time the calling thread has used, in nanoseconds.
public func threadNanoseconds() -> UInt64 { nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

private func nanoseconds(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  unsafe _ = clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Asks until `condition` holds; false when it still does not after `seconds`.
public func eventually(
  within seconds: Double = 20, _ condition: () throws -> Bool
) rethrows -> Bool {
  let deadline = monotonicNanoseconds() + UInt64(seconds * 1e9)
  while true {
    if try condition() { return true }
    if monotonicNanoseconds() >= deadline { return false }
    _ = usleep(200)
  }
}

/// Runs all of the works at the same time, each on a thread of its own, and joins them.
public func inParallel(_ works: [@Sendable () -> Void]) {
  let threads = works.map { Thread($0) }
  for thread in threads { thread.join() }
}

/// One thread. Not a task: it may block, and the pool here has two threads.
public struct Thread {
  private let handle: pthread_t

  private final class Work: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts it.
  public init(_ run: @escaping @Sendable () -> Void) {
    var handle = pthread_t()
    let work = unsafe Unmanaged.passRetained(Work(run))
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run()
        }
        return nil
      }, work.toOpaque())
    precondition(code == 0, "pthread_create: \(code)")
    self.handle = handle
  }

  /// Waits for its end.
  public func join() { _ = pthread_join(handle, nil) }
}

import CShmBus
import Glibc
import Synchronization

/// The one thread of this process that sleeps for asynchronous waits, so that no task ever blocks the
/// cooperative pool. It starts with the first wait and sleeps on the endpoints' own semaphores.
final class Doorbell: Sendable {
  static let shared = Doorbell()

  /// One suspended task.
  struct Visitor: Sendable {
    let waiter: Waiter
    let mask: UInt64
    let words: [SharedWord]
    /// Called by the doorbell's thread while the task is suspended: nobody else touches what it looks at.
    let look: @Sendable () -> Waiter.Look
    let resume: @Sendable () -> Void
  }

  private struct State {
    var visitors: [UInt64: Visitor] = [:]
    var cancelled: Set<UInt64> = []
    var nextTicket: UInt64 = 0
    var isRunning = false
  }

  private let state = Mutex(State())
  /// Private memory: rung when the set of visitors changes.
  private let bell: Semaphore

  private init() {
    let word = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 128)
    unsafe word.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
    unsafe bell = Semaphore(word)
  }

  /// Lets a task wait; returns the ticket that takes it back.
  func enter(_ visitor: Visitor) -> UInt64 {
    let (ticket, mustStart) = state.withLock { state in
      state.nextTicket += 1
      state.visitors[state.nextTicket] = visitor
      let mustStart = !state.isRunning
      state.isRunning = true
      return (state.nextTicket, mustStart)
    }
    if mustStart { startThread() } else { bell.post() }
    return ticket
  }

  /// Asks for the end of a wait. Only the doorbell's own thread resumes a task: it may be looking for it.
  func cancel(_ ticket: UInt64) {
    state.withLock { state in
      if state.visitors[ticket] != nil { state.cancelled.insert(ticket) }
    }
    bell.post()
  }

  private func startThread() {
    var thread = pthread_t()
    // Without a thread the waits would never end; this fails only when the process may start none at all.
    let code = unsafe pthread_create(&thread, nil, { _ in unsafe Doorbell.shared.run() }, nil)
    precondition(code == 0, "cannot start the thread for asynchronous waits (errno \(code))")
    pthread_detach(thread)
  }

  private func run() -> UnsafeMutableRawPointer? {
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    // Ends: with the process; the thread sleeps while nobody visits.
    while true {
      _ = bell.take()
      let (visitors, cancelled) = state.withLock { state in
        defer { state.cancelled = [] }
        return (state.visitors, state.cancelled)
      }
      for ticket in cancelled { leave(ticket) }
      let longest = serve(visitors.filter { !cancelled.contains($0.key) })
      sleep(Array(visitors.values), atMost: longest)
    }
  }

  /// Resumes who has something to do; returns how long the others may be slept for, in nanoseconds.
  private func serve(_ visitors: [UInt64: Visitor]) -> UInt64 {
    for visitor in visitors.values { visitor.waiter.announce(visitor.mask, visitor.words) }
    let fenced = ProcessBarrier.fence()
    var longest = Waiter.longestSleep(.idle, fenced: fenced)
    for (ticket, visitor) in visitors {
      let found = visitor.look()
      guard found == .ready else {
        longest = min(longest, Waiter.longestSleep(found, fenced: fenced))
        continue
      }
      leave(ticket)
      longest = 0
    }
    return longest
  }

  private func leave(_ ticket: UInt64) {
    let visitor = state.withLock { $0.visitors.removeValue(forKey: ticket) }
    visitor?.waiter.withdraw()
    visitor?.resume()
  }

  private func sleep(_ visitors: [Visitor], atMost longest: UInt64) {
    guard longest > 0 else { return }
    // The kernel takes 128 words at a time: with more visitors the rest is looked at once a millisecond.
    let words =
      unsafe [bell.word] + visitors.prefix(Futex.maximumWords - 1).map { unsafe $0.waiter.word }
    let limit = visitors.count < Futex.maximumWords ? longest : min(longest, 1_000_000)
    if unsafe (try? Futex.waitAny(words, for: limit)) == nil { usleep(1_000) }
    for visitor in visitors { visitor.waiter.drain() }
  }
}

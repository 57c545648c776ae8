import Synchronization

/// A counting semaphore shared between processes: one 32-bit word of shared memory, 0 at first.
///
/// Tokens mean "look again", so a taker takes them all. glibc's `sem_t` will not do: it aborts on a
/// corrupt word and leaks killed waiters. Here no content of the word can crash a process, and a
/// wake that was lost (its sender or its receiver was killed) costs at most the wait's time limit.
@frozen @safe @usableFromInline
struct Semaphore: @unchecked Sendable {
  /// Posting stops here: a word that nobody takes from must not run over to 0.
  static let limit: UInt32 = 1 << 20

  @usableFromInline let address: UnsafeMutablePointer<Atomic<UInt32>>

  /// `base + offset` is four-byte aligned and stays mapped while this is used.
  @usableFromInline
  init(_ base: UnsafeMutableRawPointer, at offset: Int = 0) {
    unsafe address = (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// The word itself, for a sleep on several at a time.
  var word: UnsafeRawPointer { unsafe UnsafeRawPointer(address) }

  /// Adds a token and wakes a sleeper.
  @usableFromInline
  func post() {
    var value = unsafe address.pointee.load(ordering: .relaxed)
    // Ends: each failed exchange means that somebody else's post or take went through.
    while value < Self.limit {
      // Release: whoever takes the token sees what the poster did before. Partner: `take`.
      let (done, seen) = unsafe address.pointee.weakCompareExchange(
        expected: value, desired: value + 1,
        successOrdering: .releasing, failureOrdering: .relaxed)
      if done { break }
      value = seen
    }
    // Even when there were tokens: whoever left them may have been killed before it woke anyone.
    unsafe Futex.wakeOne(address)
  }

  /// Takes all the tokens without sleeping; false where there are none.
  @usableFromInline
  func take() -> Bool {
    // Relaxed: an empty look must not take the line from a poster.
    if unsafe address.pointee.load(ordering: .relaxed) == 0 { return false }
    // Acquire: partner of the release in `post`.
    return unsafe address.pointee.exchange(0, ordering: .acquiring) != 0
  }

  /// Takes all the tokens, sleeping until there are some; false after `nanoseconds` without any.
  @usableFromInline
  func wait(for nanoseconds: UInt64) -> Bool {
    if take() { return true }
    let deadline = Clock.deadline(in: nanoseconds)
    var left = nanoseconds
    // Ends at the deadline: a word that is changed all the time cannot hold us here.
    while left > 0 {
      let outcome = unsafe Futex.wait(address, while: 0, for: left)
      if take() { return true }
      if outcome == .timedOut { return false }
      let now = Clock.monotonic()
      left = now < deadline ? deadline - now : 0
    }
    return false
  }
}

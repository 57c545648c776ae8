import Synchronization

/// A subscriber's messages as an asynchronous sequence of owned copies. It ends when its task is cancelled.
///
/// Waiting suspends the task; it never blocks a thread of the cooperative pool. A message is done when the
/// next one is asked for; in a group it is then committed, as by ``Message/commitLater()``.
public struct MessageSequence: AsyncSequence {
  /// A message copied out of the ring.
  public typealias Element = OwnedMessage
  /// Reading may go on after it with a new iterator.
  public typealias Failure = SubscribeError

  fileprivate let core: SubscriberCore

  /// Makes the iterator. All iterators of one sequence share one position.
  public func makeAsyncIterator() -> Iterator { Iterator(core: core) }

  /// Gives one message after the other.
  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let core: SubscriberCore

    /// The next message; nil when the task is cancelled.
    public mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(SubscribeError) -> OwnedMessage? {
      // Ends: with a message, an error, or the task's cancellation.
      while true {
        if core.seat != nil { core.commitAllLater() }
        if let message = try unsafe SubscriberCore.waitForMessage(core.state, timeout: 0) {
          let copy = message.copy()
          // Torn, perhaps: whoever owns the partition now is given it.
          if message.isVoid { continue }
          return copy
        }
        if Task.isCancelled { return nil }
        await core.ring()
      }
    }
  }
}

@available(*, unavailable)
extension MessageSequence: Sendable {}

extension Subscriber {
  /// Turns the subscriber into an asynchronous sequence of its messages.
  public consuming func messages() -> MessageSequence { MessageSequence(core: core) }
}

extension SubscriberCore {
  /// Suspends the task until there is something to look at, or until it is cancelled.
  fileprivate func ring() async {
    let ticket = Mutex<UInt64?>(nil)
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let visitor = Doorbell.Visitor(
          waiter: waiter, mask: sleepMask, words: sleepWords,
          look: { [self] in lookAround() }, resume: { continuation.resume() })
        let mine = Doorbell.shared.enter(visitor)
        ticket.withLock { $0 = mine }
        if Task.isCancelled { Doorbell.shared.cancel(mine) }
      }
    } onCancel: {
      if let mine = ticket.withLock({ $0 }) { Doorbell.shared.cancel(mine) }
    }
  }
}

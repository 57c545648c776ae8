import Glibc
import Synchronization

/// A file descriptor that becomes readable when a subscriber has something to say: for event loops
/// that wait by `poll` or `epoll`.
///
/// ```swift
/// let ready = try subscriber.readyDescriptor()
/// while true {
///   while let message = try subscriber.next(timeout: .zero) { handle(message) }
///   ready.arm()
///   poll(…, ready.fileDescriptor, …) // readable: a message, an error, or a change of partitions
///   ready.disarm()
/// }
/// ```
///
/// While it is armed the library's one thread looks after the subscriber, and the subscriber must
/// not be touched: asking it for a message traps. An armed member of a group counts as one that
/// polls.
@safe
public final class ReadyDescriptor {
  private let core: SubscriberCore
  private let event: EventDescriptor
  private var ticket: UInt64?
  /// Set while the other thread looks after the subscriber.
  private let watch = Watch()

  private final class Watch: Sendable {
    let isOn = Mutex(false)
  }

  init(_ core: SubscriberCore) throws(BusError) {
    self.core = core
    do { event = try EventDescriptor() } catch {
      throw BusError(.unavailable, "cannot make a descriptor to wait on", error)
    }
  }

  deinit { disarm() }

  /// To be waited for until it is readable, and not read from. It belongs to this object.
  public var fileDescriptor: Int32 { event.number }

  /// Begins to watch. The descriptor becomes readable at once if there is something already.
  public func arm() {
    disarm()
    unsafe SubscriberCore.giveBackAll(core.state)
    core.isArmed = true
    unsafe core.state.pointee.runLeft = 0
    watch.isOn.withLock { $0 = true }
    let (core, watch, number) = (core, watch, event.number)
    ticket = Doorbell.shared.enter(
      Doorbell.Visitor(
        waiter: core.waiter, mask: core.sleepMask, words: core.sleepWords,
        look: { core.lookAround() },
        resume: {
          EventDescriptor.signal(number)
          watch.isOn.withLock { $0 = false }
        }))
  }

  /// Ends the watch: the subscriber may be asked for messages again, and the descriptor is not
  /// readable.
  public func disarm() {
    guard let ticket else { return }
    self.ticket = nil
    Doorbell.shared.cancel(ticket)
    // Ends: the other thread was just woken, and looks at each of its visitors once at most before.
    while watch.isOn.withLock({ $0 }) { usleep(20) }
    event.clear()
    core.isArmed = false
  }
}

@available(*, unavailable)
extension ReadyDescriptor: Sendable {}

extension Subscriber {
  /// A descriptor for an event loop that waits for this subscriber among other things.
  ///
  /// - Throws: ``BusError`` `.unavailable` when the process may open no more descriptors.
  public func readyDescriptor() throws(BusError) -> ReadyDescriptor { try ReadyDescriptor(core) }
}

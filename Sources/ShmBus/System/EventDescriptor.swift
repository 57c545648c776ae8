import CShmBus
import Glibc

/// A descriptor that one thread makes readable for another that waits in `poll` or `epoll`.
struct EventDescriptor: ~Copyable, Sendable {
  private let descriptor: Descriptor

  init() throws(SystemError) {
    let number = shmbus_event_new()
    guard number >= 0 else { throw SystemError.last("eventfd", "an event") }
    descriptor = Descriptor(owning: number)
  }

  var number: Int32 { descriptor.number }

  /// Makes a descriptor readable; its owner keeps it open as long.
  static func signal(_ number: Int32) { shmbus_event_signal(number) }

  /// It is not readable any more.
  func clear() { shmbus_event_clear(descriptor.number) }
}

import ShmBus
import TestSupport

/// A reader that takes everything until the publishers are done and nothing is left.
struct Watcher {
  enum Role: CaseIterable {
    case subscriber
    case slowSubscriber
    case batchSubscriber
    case observer
  }

  let role: Role
  var reading = Reading()

  init(_ role: Role) { self.role = role }

  mutating func watch(_ subscriber: inout Subscriber, until done: Shared<Bool>) {
    // Ends: the publishers end, and then the messages do.
    while true {
      let isLast = done.value
      do {
        let count = reading.seen.count
        try take(&subscriber)
        if isLast, reading.seen.count == count { return }
      } catch {
        switch error as? SubscribeError {
        case .gap(let gap): reading.gaps.append(Stretch(from: gap.from, to: gap.to))
        default:
          reading.failures.append("reader: \(error)")
          return
        }
      }
    }
  }

  private mutating func take(_ subscriber: inout Subscriber) throws {
    if role == .batchSubscriber {
      var batch = try subscriber.poll(max: 7, timeout: .milliseconds(2))
      while let message = try batch.next() { reading.seen.append(Seen(message)) }
      try batch.commit()
    } else if var message = try subscriber.next(timeout: .milliseconds(2)) {
      reading.seen.append(Seen(message))
      if role == .slowSubscriber {
        if reading.seen.count.isMultiple(of: 50) { monotonicPause() }
        try message.commit()
      }
    }
  }

  private func monotonicPause() {
    let end = monotonicNanoseconds() + 300_000
    while monotonicNanoseconds() < end {}
  }
}

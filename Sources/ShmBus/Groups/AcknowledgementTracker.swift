import Synchronization

/// Knows how far a partition is done when its messages are finished in any order.
///
/// A head says that everything below it is done. Who hands the messages of a partition to several
/// workers can therefore not commit each as it is finished: the tracker remembers them, and tells
/// the longest prefix that is done.
///
/// ```swift
/// let tracker = AcknowledgementTracker(capacity: 1_000)
/// while isRunning {
///   if tracker.hasRoom { subscriber.resume([0]) } else { subscriber.pause([0]) }
///   if let message = try subscriber.next(timeout: .milliseconds(1)) {
///     _ = tracker.begin(message)            // the thread that reads, in the messages' order
///     let copy = message.copy()
///     pool.run {
///       handle(copy)
///       tracker.acknowledge(copy.offset)    // any thread, in any order
///     }
///   }
///   if let head = tracker.advance() { try subscriber.commit(partition: 0, upTo: head) }
/// }
/// ```
///
/// One tracker is for one partition. Any thread may call it at any time; ``begin(offset:end:)``
/// belongs to the one that reads, because it must see the messages in their order. Nothing blocks
/// for longer than it takes to look through what is in flight.
///
/// What was begun and not acknowledged when the process dies, or the partition goes to another
/// member, lies at or above the head and is delivered again.
public final class AcknowledgementTracker: Sendable {
  /// How many messages it remembers at most. It takes 24 bytes for each.
  public let capacity: Int
  private let window: Mutex<Window>

  /// A tracker of nothing.
  ///
  /// - Parameter capacity: how many messages may have been begun from the oldest unfinished one on.
  ///   1 or more.
  public init(capacity: Int = 4096) {
    precondition(capacity > 0, "a tracker must remember at least one message")
    self.capacity = capacity
    window = Mutex(Window(capacity: capacity))
  }

  /// Notes that a message is handed out.
  ///
  /// - Parameters:
  ///   - offset: its offset, at or above the end of the one begun before it.
  ///   - end: offset + span, where the next one can begin; more than `offset`.
  /// - Returns: false, having noted nothing, when it remembers ``capacity`` messages already: wait
  ///   for acknowledgements, and for this message do it again.
  public func begin(offset: Offset, end: Offset) -> Bool {
    window.withLock { $0.begin(offset, end) }
  }

  /// Says that a message is done.
  ///
  /// - Returns: false for one that is not in flight: never begun, done before, or begun before a
  ///   ``reset()``.
  @discardableResult
  public func acknowledge(_ offset: Offset) -> Bool {
    window.withLock { $0.acknowledge(offset) }
  }

  /// The end of the done prefix, if it has moved since the last call; nil if not. To be committed.
  public func advance() -> Offset? { window.withLock { $0.advance() } }

  /// The end of the done prefix: everything begun below it is done. Nil while nothing is.
  public var head: Offset? { window.withLock { $0.head } }

  /// How many messages were begun and are not done.
  public var inFlight: Int { window.withLock { $0.inFlight } }

  /// Whether ``begin(offset:end:)`` would note another one.
  public var hasRoom: Bool { window.withLock { $0.count < capacity } }

  /// The message that holds the prefix up: the oldest that is begun and not done. Nil when all are
  /// done.
  public var oldest: Offset? { window.withLock { $0.oldest } }

  /// Forgets everything: the partition went to somebody else, or its head was moved.
  /// Acknowledgements of what was begun before find nothing, unless the same message was begun
  /// again: then it is done, whoever did it.
  public func reset() { window.withLock { $0 = Window(capacity: capacity) } }
}

/// The messages from the oldest unfinished one on, in a circle of a fixed size.
private struct Window {
  private struct Entry {
    var offset: Offset = 0
    var end: Offset = 0
    var isDone = false
  }

  private var entries: [Entry]
  /// Place of the oldest.
  private var first = 0
  private(set) var count = 0
  private(set) var inFlight = 0
  private(set) var head: Offset?
  private var committed: Offset?
  private var newestEnd: Offset = 0

  init(capacity: Int) { entries = Array(repeating: Entry(), count: capacity) }

  var oldest: Offset? { count > 0 ? entries[first].offset : nil }

  mutating func begin(_ offset: Offset, _ end: Offset) -> Bool {
    precondition(
      offset >= newestEnd && end > offset, "messages are begun in their order, once each")
    guard count < entries.count else { return false }
    entries[place(count)] = Entry(offset: offset, end: end)
    count += 1
    inFlight += 1
    newestEnd = end
    return true
  }

  mutating func acknowledge(_ offset: Offset) -> Bool {
    let place = place(index(of: offset))
    guard count > 0, entries[place].offset == offset, !entries[place].isDone else { return false }
    entries[place].isDone = true
    inFlight -= 1
    while count > 0, entries[first].isDone {
      head = entries[first].end
      first = self.place(1)
      count -= 1
    }
    return true
  }

  mutating func advance() -> Offset? {
    guard head != committed else { return nil }
    committed = head
    return head
  }

  private func place(_ index: Int) -> Int {
    let place = first + index
    return place < entries.count ? place : place - entries.count
  }

  /// The last message at or below an offset, by bisection: they lie in order.
  private func index(of offset: Offset) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if entries[place(middle)].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return max(0, low - 1)
  }
}

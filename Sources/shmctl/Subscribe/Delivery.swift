import ShmBus
import ToolSupport

/// The work of `subscribe`: messages from the bus to standard output, as they come.
struct Delivery {
  private let bus: Bus
  private let format: MessageFormat
  private var watch: EndingWatch
  private let sink: Sink
  /// Nil outside a group.
  private let membership: Membership?
  /// Messages still wanted.
  private var left: Int

  init(
    _ bus: Bus, format: MessageFormat, count: Int?, watch: EndingWatch, sink: Sink,
    membership: Membership?
  ) {
    self.bus = bus
    self.format = format
    left = count ?? .max
    self.watch = watch
    self.sink = sink
    self.membership = membership
  }

  /// How long to sleep before looking whether a signal came or the publishers have gone.
  private static let slice = Duration.milliseconds(50)
  /// Signals are asked for after this many messages, however busy the bus.
  private static let run = 1024

  /// Delivers until the ending, the count, or a signal; what was taken is written, and committed,
  /// in any case.
  mutating func run(_ subscriber: consuming Subscriber) throws {
    do {
      // Ends: as `step` says, or with an error.
      while try !step(&subscriber) {}
    } catch {
      if !(error is OutputError) { try? settle(&subscriber) }
      throw error
    }
    try settle(&subscriber)
  }

  /// Delivers what lies ready; waits if there was nothing. True when all is done.
  private mutating func step(_ subscriber: inout Subscriber) throws -> Bool {
    try Interrupted.check()
    let isClosed = watch.isClosed(bus)
    do {
      let taken = try deliver(&subscriber, timeout: .zero)
      if left == 0 { return true }
      if taken > 0 {
        try membership?.settle(&subscriber)
        return try watch.isReached(by: subscriber, in: membership, of: bus)
      }
      if try isClosed || watch.isReached(by: subscriber, in: membership, of: bus) { return true }
      try settle(&subscriber)
      if try deliver(&subscriber, timeout: Self.slice) > 0 { try membership?.settle(&subscriber) }
      return left == 0
    } catch let error as SubscribeError {
      guard case .gap(let gap) = error else { throw error }
      Program.warn("shmctl: \(error.description)")
      try format.write(gap, to: &sink.output)
      return false
    }
  }

  /// Nothing that was taken waits in here.
  private func settle(_ subscriber: inout Subscriber) throws {
    try sink.output.flush()
    try membership?.settle(&subscriber)
  }

  /// Writes up to a run of messages, waiting for the first; returns how many there were.
  private mutating func deliver(
    _ subscriber: inout Subscriber, timeout: Duration
  ) throws -> Int {
    var taken = 0
    var patience = timeout
    while taken < Self.run, left > 0 {
      guard let message = try subscriber.next(timeout: patience) else { break }
      taken += 1
      patience = .zero
      if watch.excludes(partition: message.partition, offset: message.offset) { continue }
      try format.write(message, of: bus, to: &sink.output)
      left -= 1
    }
    return taken
  }
}

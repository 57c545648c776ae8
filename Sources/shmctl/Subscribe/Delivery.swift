import ShmBus
import ToolSupport

/// The work of `subscribe`: messages from the bus to standard output, as they come.
struct Delivery {
  private let bus: Bus
  private let format: MessageFormat
  private var watch: EndingWatch
  /// Messages still wanted.
  private var left: Int

  init(_ bus: Bus, format: MessageFormat, count: Int?, watch: EndingWatch) {
    self.bus = bus
    self.format = format
    left = count ?? .max
    self.watch = watch
  }

  /// How long to sleep before looking whether a signal came or the publishers have gone.
  private static let slice = Duration.milliseconds(50)
  /// Signals are asked for after this many messages, however busy the bus.
  private static let run = 1024

  /// Delivers until the ending, the count, or a signal; what was taken is written in any case.
  mutating func run(_ subscriber: consuming Subscriber) throws {
    var output = OutputBuffer()
    do {
      // Ends: as `step` says, or with an error.
      while try !step(&subscriber, &output) {}
    } catch {
      if !(error is OutputError) { try? output.flush() }
      throw error
    }
    try output.flush()
  }

  /// Delivers what lies ready; waits if there was nothing. True when all is done.
  private mutating func step(
    _ subscriber: inout Subscriber, _ output: inout OutputBuffer
  ) throws -> Bool {
    try Interrupted.check()
    let isClosed = watch.isClosed(bus)
    do {
      let taken = try deliver(&subscriber, &output, timeout: .zero)
      if left == 0 || watch.isReached(by: subscriber) { return true }
      if taken > 0 { return false }
      if isClosed { return true }
      try output.flush()
      _ = try deliver(&subscriber, &output, timeout: Self.slice)
      return left == 0
    } catch let error as SubscribeError {
      guard case .gap(let gap) = error else { throw error }
      Program.warn("shmctl: \(error.description)")
      try format.write(gap, to: &output)
      return false
    }
  }

  /// Writes up to a run of messages, waiting for the first; returns how many there were.
  private mutating func deliver(
    _ subscriber: inout Subscriber, _ output: inout OutputBuffer, timeout: Duration
  ) throws -> Int {
    var taken = 0
    var patience = timeout
    while taken < Self.run, left > 0 {
      guard let message = try subscriber.next(timeout: patience) else { break }
      taken += 1
      patience = .zero
      if watch.excludes(partition: message.partition, offset: message.offset) { continue }
      try format.write(message, of: bus, to: &output)
      left -= 1
    }
    return taken
  }
}

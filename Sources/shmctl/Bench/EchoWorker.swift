import Arguments
import ShmBus
import ToolSupport

/// Sends back on one bus what comes on another.
enum EchoWorker {
  private static let back = Argument("BACK", .string, help: "The bus to answer on.")

  private static let untouched = Flag("untouched", help: "Leave payloads alone.")

  static let command = Command(
    "echo", summary: "Answer every message.", arguments: [Worker.bus, back],
    options: [Worker.processor, Worker.spin, untouched]
  ) { parsed in
    Worker.settle(parsed)
    let there = try Bus.open(parsed[Worker.bus], keepsHouse: false)
    let back = try Bus.open(parsed[back], keepsHouse: false)
    var subscriber = try there.subscriber(wait: Worker.strategy(parsed))
    let publisher = try back.publisher(wait: Worker.strategy(parsed))
    try Program.print("ready\n")
    try answer(&subscriber, publisher, isUntouched: parsed[untouched])
    return 0
  }

  /// The loop that is timed, by itself, as in ``DrainWorker``.
  @inline(never)
  private static func answer(
    _ subscriber: inout Subscriber, _ publisher: borrowing Publisher, isUntouched: Bool
  ) throws {
    // Ends: with an empty message, or a signal.
    while true {
      guard let message = try subscriber.next(timeout: .milliseconds(200)) else {
        try Interrupted.check()
        continue
      }
      if message.bytes.byteCount == 0 { return }
      if isUntouched {
        try publisher.loan(byteCount: message.bytes.byteCount).publish()
      } else {
        try publisher.publish(message.bytes)
      }
    }
  }
}

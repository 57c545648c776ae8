import Arguments
import ShmBus
import ToolSupport

/// A member of the demo's group, or its observer: checks every message, until all publishers have
/// closed.
enum DemoReader {
  private static let group = Option("group", .string, help: "Share with its other members.")
  private static let publishers = Option(
    "publishers", required: .integer(1...), help: "How many there will have been.")

  static let command = Command(
    "demo-reader", summary: "Check numbered messages.", arguments: [Worker.bus],
    options: [group, publishers]
  ) { parsed in
    let bus = try Bus.open(parsed[Worker.bus], keepsHouse: false)
    var subscriber =
      if let name = parsed[group] { try bus.subscriber(.group(name)) } else { try bus.observer() }
    try Program.print("ready\n")
    var check = Check(publishers: parsed[publishers], partitions: bus.partitions)
    // Ends: when nothing is left and no publisher either, or by a signal.
    while true {
      try Interrupted.check()
      let isClosed = bus.publisherAdmissions >= UInt64(parsed[publishers]) && !bus.hasPublishers
      if try !read(&subscriber, &check), isClosed { break }
    }
    try subscriber.close()
    try Program.print("\(check.tally.line)\n\(check.missed)\n")
    return 0
  }

  /// Reads what is there, or comes soon; false if that is nothing.
  private static func read(_ subscriber: inout Subscriber, _ check: inout Check) throws -> Bool {
    var hasRead = false
    do {
      for _ in 0..<4096 {
        guard var message = try subscriber.next(timeout: .milliseconds(20)) else { return hasRead }
        hasRead = true
        try check.take(message)
        message.commitLater()
      }
    } catch SubscribeError.gap(let gap) {
      check.missed += gap.count
      hasRead = true
    }
    return hasRead
  }

  /// What has been read: each message whole, and those of a publisher in their order.
  private struct Check {
    var tally: Tally
    var missed: UInt64 = 0
    /// By partition and publisher, the number that must not come again.
    private var next: [[UInt64]]

    init(publishers: Int, partitions: Int) {
      tally = Tally(partitions: partitions)
      next = Array(repeating: Array(repeating: 0, count: publishers), count: partitions)
    }

    mutating func take(_ message: borrowing Message) throws {
      guard let found = DemoMessage(message.bytes) else {
        throw Failure(.software, "offset \(message.offset) does not hold what was published")
      }
      guard found.number >= next[message.partition][Int(found.publisher)] else {
        throw Failure(.software, "offset \(message.offset) is out of order")
      }
      next[message.partition][Int(found.publisher)] = found.number + 1
      tally.add(found.mark, to: message.partition)
    }
  }
}

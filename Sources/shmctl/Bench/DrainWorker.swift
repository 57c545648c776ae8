import Arguments
import CShmBus
import ShmBus
import ToolSupport

/// Reads until every publisher has said that it is done.
enum DrainWorker {
  private static let publishers = Option(
    "publishers", required: .integer(1...), help: "How many will say so.")

  private static let whole = Flag("whole", help: "Read every byte, not the first alone.")

  static let command = Command(
    "drain", summary: "Read until all publishers are done.", arguments: [Worker.bus],
    options: [publishers, whole, Worker.processor, Worker.spin]
  ) { parsed in
    Worker.settle(parsed)
    let bus = try Bus.open(parsed[Worker.bus], keepsHouse: false)
    var subscriber = try bus.subscriber(wait: Worker.strategy(parsed))
    _ = Cycles.count(in: 0)
    try Program.print("ready\n")
    let (count, nanoseconds) = try drain(
      &subscriber, publishers: parsed[publishers], isWhole: parsed[whole])
    try Program.print("\(count) \(nanoseconds)\n")
    return 0
  }

  /// The loop that is timed, by itself: `scripts/hot-path` shows that it neither allocates nor counts
  /// references.
  @inline(never)
  private static func drain(
    _ subscriber: inout Subscriber, publishers: Int, isWhole: Bool
  ) throws -> (count: Int, nanoseconds: Int) {
    var count = 0
    var sum: UInt64 = 0
    var start: UInt64 = 0
    var left = publishers
    while left > 0 {
      guard let message = try subscriber.next(timeout: .milliseconds(200)) else {
        try Interrupted.check()
        continue
      }
      let bytes = message.bytes
      if bytes.byteCount == 0 {
        left -= 1
        continue
      }
      if count == 0 { start = shmbus_cycles() }
      count &+= 1
      if isWhole && !Self.isSevens(bytes) {
        throw Failure(.software, "what was read is not what was published")
      }
      sum &+= unsafe UInt64(bytes.unsafeLoad(fromUncheckedByteOffset: 0, as: UInt8.self))
    }
    let elapsed = Cycles.nanoseconds(shmbus_cycles() &- start)
    guard sum == UInt64(count) * 7 else {
      throw Failure(.software, "what was read is not what was published")
    }
    return (count, Int(elapsed))
  }

  /// Looks at every byte, by whole words and without a branch between them.
  @inline(__always)
  private static func isSevens(_ bytes: RawSpan) -> Bool {
    unsafe bytes.withUnsafeBytes { memory in
      var difference: UInt64 = 0
      var at = 0
      while at &+ 8 <= memory.count {
        difference |=
          unsafe memory.loadUnaligned(fromByteOffset: at, as: UInt64.self) ^ 0x0707_0707_0707_0707
        at &+= 8
      }
      return difference == 0
    }
  }
}

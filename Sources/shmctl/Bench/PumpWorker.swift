import Arguments
import CShmBus
import ShmBus
import ToolSupport

/// Publishes as fast as it can for some time; an empty message says that it is done. Prints how many messages
/// took how many nanoseconds, and then how many cycles each run of them took.
enum PumpWorker {
  private static let size = Option("size", required: .integer(1...), help: "Bytes.")
  private static let batch = Option("batch", required: .integer(1...), help: "Messages a claim.")
  private static let milliseconds = Option(
    "milliseconds", required: .integer(1...), help: "How long.")
  private static let partition = Option(
    "partition", .integer(0...), default: 0, help: "Where to publish.")

  static let command = Command(
    "pump", summary: "Publish for some time.", arguments: [Worker.bus],
    options: [size, batch, milliseconds, partition, Worker.processor, Worker.spin]
  ) { parsed in
    Worker.settle(parsed)
    let bus = try Bus.open(parsed[Worker.bus], keepsHouse: false)
    let publisher = try bus.publisher(wait: Worker.strategy(parsed))
    let payload = [UInt8](repeating: 7, count: parsed[size])
    let end = Cycles.count(in: Double(parsed[milliseconds]) / 1000)
    try Worker.awaitStart()
    let times = Histogram()
    let start = shmbus_cycles()
    let count =
      parsed[batch] == 1
      ? try single(publisher, payload, parsed[partition], until: start &+ end, times)
      : try batches(
        of: parsed[batch], slots: parsed[batch] * bus.slots(for: payload.count), publisher, payload,
        parsed[partition], until: start &+ end, times)
    try publisher.publish([], partition: parsed[partition])
    try Program.print(
      "\(count) \(Int(Cycles.nanoseconds(shmbus_cycles() &- start)))\n\(times.line)\n")
    return 0
  }

  /// How many messages are timed together: a look at the clock for each would be what is timed.
  static func runLength(ofBatches batch: Int) -> Int { batch == 1 ? 1024 : 64 * batch }

  private static func single(
    _ publisher: borrowing Publisher, _ payload: [UInt8], _ partition: Int, until end: UInt64,
    _ times: Histogram
  ) throws -> Int {
    var count = 0
    var last = shmbus_cycles()
    let bytes = unsafe payload.span.bytes
    repeat {
      for _ in 0..<1024 { try publisher.publish(bytes, partition: partition) }
      count += 1024
      let now = shmbus_cycles()
      times.add(now &- last)
      last = now
    } while last < end && !Interrupt.isPending
    return count
  }

  private static func batches(
    of messages: Int, slots: Int, _ publisher: borrowing Publisher, _ payload: [UInt8],
    _ partition: Int, until end: UInt64, _ times: Histogram
  ) throws -> Int {
    var count = 0
    var last = shmbus_cycles()
    let bytes = unsafe payload.span.bytes
    repeat {
      for _ in 0..<64 {
        var batch = try publisher.batch(slots: slots, partition: partition)
        for _ in 0..<messages { _ = batch.append(bytes) }
        try batch.publish()
        count += messages
      }
      let now = shmbus_cycles()
      times.add(now &- last)
      last = now
    } while last < end && !Interrupt.isPending
    return count
  }
}

extension Bus {
  /// How many slots a message of some bytes takes.
  func slots(for byteCount: Int) -> Int {
    max(1, (byteCount + configuration.slotSize - 1) / configuration.slotSize)
  }
}

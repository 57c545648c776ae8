import Arguments
import ShmBus
import ToolSupport

/// A publisher of the demo: numbered messages under 64 keys, for some time.
enum DemoPublisher {
  private static let number = Option("number", required: .integer(0...1), help: "Which one.")
  private static let milliseconds = Option(
    "milliseconds", required: .integer(1...), help: "How long.")

  static let command = Command(
    "demo-publisher", summary: "Publish numbered messages.", arguments: [Worker.bus],
    options: [number, milliseconds]
  ) { parsed in
    let bus = try Bus.open(parsed[Worker.bus], keepsHouse: false)
    let publisher = try bus.publisher()
    let places = (0..<64).map { number in
      let key = Array("customer-\(number)".utf8)
      return (key, unsafe publisher.partition(forKey: key.span.bytes))
    }
    try Worker.awaitStart()
    let end = ContinuousClock.now + .milliseconds(parsed[milliseconds])
    var tally = Tally(partitions: bus.partitions)
    var next: UInt64 = 0
    repeat {
      for place in 0..<512 {
        let key = place & 63
        let message = DemoMessage(publisher: UInt64(parsed[number]), number: next)
        let words = message.words
        let (name, partition) = places[key]
        try unsafe publisher.publish(words.span.bytes, key: name.span.bytes)
        tally.add(message.mark, to: partition)
        next &+= 1
      }
      try Interrupted.check()
    } while ContinuousClock.now < end
    try Program.print(tally.line + "\n")
    return 0
  }
}

import Arguments
import ShmBus
import ToolSupport

/// `shmctl publish`.
enum PublishCommand {
  private static let file = Option(
    "file", short: "f", .file, help: "Read this file; without it, or with -, standard input.")
  private static let keySeparator = Option(
    "key-separator", short: "k", .separator,
    help: "What stands before the first of it on each line is the message's key.")
  private static let partition = Option(
    "partition", short: "p", .integer(0...), help: "Send everything to this partition.")
  private static let null = Flag("null", short: "0", help: "Lines end with a zero byte.")
  private static let block = Option(
    "block", .byteSize(1...), help: "A message per this many bytes; the last may be shorter.")
  private static let lengthPrefixed = Flag(
    "length-prefixed", help: "Before each message its length: 4 bytes, little-endian.")
  private static let json = Flag(
    "json", help: "A message per line, as 'subscribe --format json' prints them.")
  private static let frames = Flag(
    "frames", help: "Frames of 'subscribe --format frames'; what was seen before is dropped.")
  private static let timeout = Option(
    "timeout", .duration, default: .seconds(60),
    help: "How long to wait while the ring is full, before exit 75.")

  static let command = Command(
    "publish", summary: "Publish messages: one for each line of the input.",
    discussion: """
      Exit code 0 means that every message was published. What could be read is published before \
      more is waited for, so that a pipe's messages are never late. A line without the key \
      separator is a message without a key. A line's ending is not part of its message.

      Messages of one key go to one partition and keep their order. Without a key they go round \
      the partitions in batches.
      """,
    under: Heading.messages, arguments: [Shmctl.busName],
    options: [
      file, keySeparator, partition, null, block, lengthPrefixed, json, frames, timeout,
      Shmctl.keyFile,
    ],
    conflicts: [
      Conflict(
        null, block, lengthPrefixed, json, frames, because: "each cuts the input in its own way"),
      Conflict(keySeparator, block, because: "keys are for lines"),
      Conflict(keySeparator, lengthPrefixed, because: "keys are for lines"),
      Conflict(keySeparator, json, because: "JSON names its keys"),
      Conflict(keySeparator, frames, because: "frames carry their keys"),
    ],
    examples: [
      Example("A line.", "echo hello | shmctl publish orders"),
      Example(
        "A file with a key before each comma.",
        "shmctl publish orders --file orders.csv --key-separator ,"),
      Example(
        "A binary file, put together again at the other end.",
        "shmctl publish images --file photo.jpg --block 64k"),
      Example(
        "A bridge to another host.",
        "shmctl subscribe log --format frames | ssh far shmctl publish log --frames"),
    ]
  ) { parsed in
    let bus = try Shmctl.openBus(parsed, keepsHouse: true)
    let feed = try Feed.open(bus, partition: parsed[partition], timeout: parsed[timeout])
    let input = try InputBuffer(path: parsed[file])
    let (cutter, meaning) = form(parsed)
    var intake = Intake(
      input, into: feed, cutter: cutter, meaning: meaning,
      largestMessage: bus.configuration.largestMessage)
    var progress = Progress()
    try intake.run(&progress)
    if intake.duplicates > 0 {
      Program.warn("shmctl: \(intake.duplicates) frames had been seen before and were dropped")
    }
    return 0
  }

  private static func form(_ parsed: Parsed) -> (Cutter, RecordMeaning) {
    if let size = parsed[block] { return (.blocks(size), .payload) }
    if parsed[lengthPrefixed] { return (.lengthPrefixed, .payload) }
    if parsed[frames] { return (.frames, .frame) }
    let lines = Cutter.terminated(by: parsed[null] ? 0 : UInt8(ascii: "\n"))
    if parsed[json] { return (lines, .json) }
    return (lines, parsed[keySeparator].map(RecordMeaning.keyed) ?? .payload)
  }
}

extension Form where Value == UInt8 {
  /// One ASCII character, or `\t`.
  static var separator: Form {
    Form(
      "C", accepting: "one ASCII character, or \\t for a tab",
      show: { String(Character(Unicode.Scalar($0))) },
      read: { text in
        if text == "\\t" { return UInt8(ascii: "\t") }
        return text.utf8.count == 1 ? text.utf8.first : nil
      })
  }
}

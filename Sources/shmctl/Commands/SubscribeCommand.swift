import Arguments
import ShmBus
import ToolSupport

/// `shmctl subscribe`.
enum SubscribeCommand {
  private enum Shape: String, CaseIterable, Sendable {
    case raw
    case line
    case json
    case lengthPrefixed = "length-prefixed"
    case frames
  }

  private static let group = Option(
    "group", short: "g", .string.named("GROUP"),
    help: "Share the messages with the other members of this group; it remembers what is done.")
  private static let membership = GroupOptionSet()
  private static let observe = Flag(
    "observe", help: "Hold nobody back; who is too slow is told what it missed.")
  private static let from = Option(
    "from", .place, default: .latest,
    help: "Where to begin; a group that exists goes on where it is.")
  private static let count = Option(
    "count", short: "n", .integer(1...), help: "End after this many messages.")
  private static let untilEnd = Flag(
    "until-end", help: "End at the end that was there at the start.")
  private static let untilClosed = Flag(
    "until-closed",
    help: "End when all is read and the last publisher has closed; waits for a first one.")
  private static let format = Option(
    "format", .choice(Shape.self), default: .line, help: "What to print for a message.")
  private static let keySeparator = Option(
    "key-separator", short: "k", .separator,
    help: "With lines: print the key and this before the payload.")
  private static let null = Flag(
    "null", short: "0", help: "With lines: end them with a zero byte.")
  private static let partitions = Option(
    "partition", short: "p", repeated: .integer(0...), help: "Read only this one.")

  static let command = Command(
    "subscribe", summary: "Print messages as they come.",
    discussion: """
      On a bus that blocks when full, publishers wait for a subscriber; not for one that observes. \
      Messages of a partition come in order. Output is flushed whenever nothing is left to read.

      raw prints payloads and nothing else; line ends each with a newline; json prints \
      {"partition","offset","timestamp","key","payload"}, with {"base64"} for what is not UTF-8; \
      length-prefixed puts 4 bytes of length, little-endian, before each; frames is for \
      'shmctl publish --frames'. What was overwritten before it was read is said on standard \
      error, and in JSON by a line {"gap":{"partition","from","to"}}.

      Places to begin: earliest (what is still there), latest (what comes from now on), offset:N, \
      time:T, -N and +N (so many slots back from the newest, or on from the oldest). \
      \(TimeText.sentence)

      In a group each partition is read by one member at a time, and what was written is committed: \
      after a crash, messages that were written and not committed come again, none is lost. \
      --until-end then means that the group, with all its members, has come so far.
      """,
    under: Heading.messages, arguments: [Shmctl.busName],
    options: [
      group, observe, from, count, untilEnd, untilClosed, format, keySeparator, null, partitions,
      Shmctl.keyFile,
    ] + membership.all,
    conflicts: [
      Conflict(untilEnd, untilClosed, because: "they end at different times"),
      Conflict(group, partitions, because: "a group shares out the partitions itself"),
      Conflict(group, observe, because: "an observer has no part in what others read"),
    ],
    examples: [
      Example("What comes from now on.", "shmctl subscribe orders"),
      Example(
        "What is there, as JSON.",
        "shmctl subscribe orders --from earliest --until-end --format json"),
      Example("A look that holds nobody back.", "shmctl subscribe orders --observe --count 10"),
      Example(
        "Share the work with whoever else runs this line.", "shmctl subscribe orders -g billing"),
    ]
  ) { parsed in
    let format = try format(parsed)
    try membership.check(parsed, group: parsed[group])
    let bus = try Shmctl.openBus(parsed, keepsHouse: true)
    let chosen = parsed[partitions].isEmpty ? nil : parsed[partitions]
    let start = parsed[from].start
    // Before it attaches: what comes after that belongs to it.
    let watch = try EndingWatch(
      parsed[untilEnd] ? .atEnd : parsed[untilClosed] ? .whenClosed : .never, bus,
      partitions: chosen ?? Array(0..<bus.partitions), isFromThePast: start != .latest)
    let sink = Sink()
    let member = parsed[group].map { membership.membership(parsed, $0, sink, ends: watch.ends) }
    let subscriber =
      if let member {
        try bus.subscriber(membership.options(parsed, member), from: start)
      } else if parsed[observe] {
        try bus.observer(from: start, partitions: chosen)
      } else {
        try bus.subscriber(from: start, partitions: chosen)
      }
    var delivery = Delivery(
      bus, format: format, count: parsed[count], watch: watch, sink: sink, membership: member)
    try delivery.run(subscriber)
    return 0
  }

  private static func format(_ parsed: Parsed) throws -> MessageFormat {
    let shape = parsed[format]
    guard shape == .line || (!parsed[null] && parsed[keySeparator] == nil) else {
      throw UsageError(
        "--key-separator and --null are for lines, not for --format \(shape.rawValue)")
    }
    return switch shape {
    case .raw: .raw
    case .line:
      .line(end: parsed[null] ? 0 : UInt8(ascii: "\n"), keySeparator: parsed[keySeparator])
    case .json: .json
    case .lengthPrefixed: .lengthPrefixed
    case .frames: .frames
    }
  }
}

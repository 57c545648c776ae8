import Arguments
import ShmBus
import ToolSupport

/// `shmctl bench`.
enum BenchCommand {
  private static let batch = Option(
    "batch", .integer(1...256), default: 1, help: "Messages that are published at once.")
  private static let publishers = Option(
    "publishers", .integer(1...64), default: 1, help: "Processes that publish.")
  private static let subscribers = Option(
    "subscribers", .integer(1...64), default: 1, help: "Processes that read, each everything.")
  private static let readers = Option(
    "subscribers", .integer(1...64), default: 64, help: "The most that are attached.")
  private static let seconds = Option(
    "seconds", .seconds, default: .seconds(2), help: "How long to publish.")
  private static let slots = Option(
    "slots", .integer(64...(1 << 24)), default: 16_384, help: "Slots of the ring.")
  private static let rounds = Option(
    "rounds", .integer(100...10_000_000), default: 200_000, help: "Messages to time.")
  private static let partitions = Option(
    "partitions", .integer(1...16), default: 1,
    help: "Partitions; publishers take turns in getting one of their own.")
  private static let everyByte = Flag("whole", help: "Read every byte, not the first alone.")
  private static let advise = Option(
    "advise", .integer(1...10_000_000_000),
    help: "Turn a rate in messages/s into partitions and sizes, by what this host reaches.")
  private static let sleeps = Option(
    "rounds", .integer(10...1_000_000), default: 2000, help: "How often to sleep.")

  private static let untouched = Flag(
    "untouched", help: "Lend the message's memory and leave its payload alone, on both sides.")

  static let command = Command(
    "bench",
    summary: "Measure throughput, latency and recovery beside the host's own limit.",
    discussion: """
      Each stands beside a limit: what the host does for the same work without any bus, measured in \
      the same minute. Compare ratios, not figures of different hours or hosts.
      """,
    under: Heading.trying,
    commands: [
      throughput, latency, wakeup, fanout, SeekCommand.command, RecoveryCommand.command,
      SetupCommand.command,
    ])

  private static let throughput = Command(
    "throughput", summary: "Messages a second from process to process.",
    discussion: """
      Real processes and a bus of their own. The rate is the slowest subscriber's. The limit is a \
      bare ring between two threads: a payload and a word that says it is there; with --whole also \
      what memcpy brings from one processor to the other.
      """,
    options: [
      BenchOptions.size, batch, publishers, subscribers, partitions, seconds, slots, everyByte,
      advise, BenchOptions.pin, BenchOptions.svg, Shmctl.json,
    ],
    conflicts: [Conflict(advise, BenchOptions.svg, because: "advice is no figure to draw")],
    examples: [
      Example("Batches of sixteen.", "shmctl bench throughput --batch 16"),
      Example(
        "What 20 million messages a second take here.",
        "shmctl bench throughput --advise 20000000"),
    ]
  ) { parsed in
    let ring = try ringSize(parsed)
    func bench(publishers: Int, subscribers: Int) -> ThroughputBench {
      ThroughputBench(
        size: parsed[BenchOptions.size], batch: parsed[batch], publishers: publishers,
        subscribers: subscribers,
        seconds: parsed[seconds].measurable, slots: ring, partitions: parsed[partitions],
        isWhole: parsed[everyByte],
        processors: BenchOptions.processors(parsed))
    }
    if let target = parsed[advise] {
      let advice = Advice(
        target: target, size: parsed[BenchOptions.size],
        publisher: try bench(publishers: 1, subscribers: 0).messagesPerSecond(),
        subscriber: try bench(publishers: 1, subscribers: 1).messagesPerSecond())
      try Program.print(parsed[Shmctl.json] ? advice.json.text + "\n" : advice.text)
      return 0
    }
    try bench(publishers: parsed[publishers], subscribers: parsed[subscribers]).run().show(parsed)
    return 0
  }

  private static let latency = Command(
    "latency", summary: "How long a message and its answer take.",
    discussion: """
      A process publishes on one bus, another answers on a second one. The limit is a cache line \
      there and another one back, between two threads.
      """,
    options: [
      BenchOptions.size, rounds, BenchOptions.length, untouched, BenchOptions.pin,
      BenchOptions.svg, Shmctl.json,
    ],
    conflicts: [BenchOptions.conflict(with: rounds)],
    examples: [
      Example("What a mebibyte costs in place.", "shmctl bench latency --size 1M --untouched")
    ]
  ) { parsed in
    try LatencyBench(
      size: parsed[BenchOptions.size], extent: BenchOptions.extent(parsed, rounds),
      isUntouched: parsed[untouched], processors: BenchOptions.processors(parsed)
    ).run().show(parsed)
    return 0
  }

  private static let wakeup = Command(
    "wakeup", summary: "How long a message takes to a subscriber that sleeps.",
    discussion: """
      From before the publish to after the subscriber's return, in another process that is asleep \
      in the kernel. The limit is a bare futex between two processes that do the same around it.
      """,
    options: [
      BenchOptions.size, sleeps, BenchOptions.length, BenchOptions.pin, BenchOptions.svg,
      Shmctl.json,
    ],
    conflicts: [BenchOptions.conflict(with: sleeps)],
    examples: [Example("As the kernel places them.", "shmctl bench wakeup --pin none")]
  ) { parsed in
    try WakeupBench(
      size: parsed[BenchOptions.size], extent: BenchOptions.extent(parsed, sleeps),
      processors: BenchOptions.processors(parsed)
    ).run().show(parsed)
    return 0
  }

  private static let fanout = Command(
    "fanout", summary: "What publishing costs with many subscribers and groups.",
    discussion: """
      The publisher alone is timed, in runs of messages. Its subscribers are drained, which reads \
      between the runs, or asleep: processes in the kernel that the first message of a run wakes. \
      Each row is compared with one subscriber in the same state; the limit is a bare ring that \
      nobody reads.
      """,
    options: [
      BenchOptions.size, readers, seconds, BenchOptions.pin, BenchOptions.svg, Shmctl.json,
    ],
    examples: [Example("For ten seconds.", "shmctl bench fanout --seconds 10")]
  ) { parsed in
    try FanoutBench(
      size: parsed[BenchOptions.size], subscribers: parsed[readers],
      seconds: parsed[seconds].measurable, processors: BenchOptions.processors(parsed)
    ).run().show(parsed)
    return 0
  }

  private static func ringSize(_ parsed: Parsed) throws -> Int {
    guard parsed[slots].nonzeroBitCount == 1 else {
      throw UsageError("--slots must be a power of two, but is \(parsed[slots])")
    }
    return parsed[slots]
  }
}

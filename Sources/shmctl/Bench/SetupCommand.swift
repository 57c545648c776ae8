import Arguments
import ToolSupport

/// `shmctl bench setup`.
enum SetupCommand {
  private static let rounds = Option(
    "rounds", .integer(1...100_000), default: 200, help: "How often to open a bus.")
  private static let bytes = Option(
    "bytes", .byteSize((1 << 20)...(1 << 36)), default: 1 << 30,
    help: "About how large a bus to create, three times.")

  static let command = Command(
    "setup", summary: "What it takes to open and create a bus, and the memory beside the ring.",
    discussion: """
      A bus at defaults is opened; the limit is shared memory of its control segment's size that is \
      opened and mapped: partitions are for endpoints to map. \
      A large one is created and prefaulted, which the removal is part of; the limit is as much \
      memory from posix_fallocate and a write to each page, in turns. The memory is what a bus \
      has besides headers and cells, and what an endpoint takes in its process.
      """,
    options: [rounds, BenchOptions.length, bytes, BenchOptions.svg, Shmctl.json],
    conflicts: [BenchOptions.conflict(with: rounds)],
    examples: [Example("Without a large bus.", "shmctl bench setup --bytes 1M")]
  ) { parsed in
    try SetupBench(extent: BenchOptions.extent(parsed, rounds), byteCount: parsed[bytes]).run()
      .show(parsed)
    return 0
  }
}

extension SetupBench.Result: BenchResult {
  private var createRatio: Double { create.p50 / createLimit.p50 }

  /// All times are in nanoseconds.
  var json: JSON {
    .fields([
      "open": open.json,
      "limit": openLimit.map { .number($0.value) } ?? .null,
      "ratio": openLimit.map { .number(open.p50 / $0.value) } ?? .null,
      "create": create.json, "createLimit": createLimit.json,
      "createRatio": .number(createRatio), "createdBytes": .integer(createdBytes),
      "busBytes": .integer(busBytes), "endpointBytes": .integer(endpointBytes),
      "moved": .bool(openLimit?.hasMoved ?? false),
    ])
  }

  var text: String {
    let size = Numbers.bytes(createdBytes)
    let opening = openLimit.map {
      "to open and map its memory is the limit: ratio "
        + "\(Numbers.decimal(open.p50 / $0.value, places: 2)) of the medians\n"
    }
    return Percentiles.table(
      [("open a bus", open)] + (openLimit.map { [("open and map its memory", $0.after)] } ?? [])
        + [("create \(size)", create), ("allocate and touch \(size)", createLimit)])
      + (opening ?? "")
      + "allocate and touch is the limit of creation: ratio \(Numbers.decimal(createRatio, places: 2))\n"
      + "\(Numbers.bytes(busBytes)) beside headers and cells for a bus at defaults\n"
      + "\(Numbers.bytes(endpointBytes)) for an endpoint in its process\n"
      + (openLimit?.remark ?? "")
  }

  var chart: Chart {
    let limit = openLimit.map {
      [Chart.Bar(name: "open and map its memory", value: $0.value, isLimit: true)]
    }
    return Chart(
      title: "Before the first message", unit: "nanoseconds, median",
      content: .bars(
        [Chart.Bar(name: "open a bus", value: open.p50, isLimit: false)] + (limit ?? [])))
  }
}

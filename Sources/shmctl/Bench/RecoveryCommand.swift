import Arguments
import ShmBus
import ToolSupport

/// `shmctl bench recovery`.
enum RecoveryCommand {
  private static let rounds = Option(
    "rounds", .integer(1...100_000), default: 200, help: "Processes to kill, of each kind.")

  static let command = Command(
    "recovery", summary: "How soon the living go on after a kill -9.",
    discussion: """
      Real processes are killed: a publisher inside its claim, at which a reader sleeps; and a \
      subscriber that holds a full ring, at which a publisher sleeps. The limit is the time that \
      the kernel takes to hand a dead process's lock to somebody who sleeps for it: before that \
      nobody can know.
      """,
    options: [rounds, BenchOptions.length, BenchOptions.svg, Shmctl.json],
    conflicts: [BenchOptions.conflict(with: rounds)],
    examples: [Example("A thousand of each.", "shmctl bench recovery --rounds 1000")]
  ) { parsed in
    try RecoveryBench(extent: BenchOptions.extent(parsed, rounds)).run().show(parsed)
    return 0
  }
}

extension RecoveryBench.Result: BenchResult {
  private static let limitName = "the kernel hands over a lock"

  private var rows: [(name: String, times: Percentiles)] {
    [
      ("a reader passes a dead claim", reader), ("a publisher has room again", publisher),
      (Self.limitName, lock),
    ]
  }

  /// All times are in nanoseconds.
  var json: JSON {
    .fields([
      "rounds": .integer(rounds), "reader": reader.json, "publisher": publisher.json,
      "lock": lock.json, "limit": .number(lock.p50), "ratio": .number(ratio),
    ])
  }

  var text: String {
    Percentiles.table(rows)
      + "\(Numbers.grouped(rounds)) of each; the last is the limit: ratio "
      + "\(Numbers.decimal(ratio, places: 2)) of the medians\n"
  }

  var chart: Chart {
    Chart(
      title: "From a kill -9 to who goes on", unit: "nanoseconds, median of \(rounds)",
      content: .bars(
        rows.map {
          Chart.Bar(name: $0.name, value: $0.times.p50, isLimit: $0.name == Self.limitName)
        }))
  }
}

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
    options: [rounds, Shmctl.json],
    examples: [Example("A thousand of each.", "shmctl bench recovery --rounds 1000")]
  ) { parsed in
    let result = try RecoveryBench(rounds: parsed[rounds]).run()
    try Program.print(parsed[Shmctl.json] ? result.json.text + "\n" : result.text)
    return 0
  }
}

extension RecoveryBench.Result {
  /// All times are in nanoseconds.
  var json: JSON {
    .fields([
      "rounds": .integer(rounds), "reader": reader.json, "publisher": publisher.json,
      "lock": lock.json, "limit": .number(Double(lock.p50)), "ratio": .number(ratio),
    ])
  }

  var text: String {
    """
    MICROSECONDS, OF \(Numbers.grouped(rounds).left(17))         P50         P99         MAX
    a reader passes a dead claim     \(reader.columns)
    a publisher has room again       \(publisher.columns)
    the kernel hands over its lock   \(lock.columns)
    the last is the limit: ratio \(Numbers.decimal(ratio, places: 1)) of the medians

    """
  }
}

extension Percentiles {
  fileprivate var json: JSON {
    .fields(["p50": .integer(p50), "p99": .integer(self[0.99]), "max": .integer(largest)])
  }

  fileprivate var columns: String {
    [p50, self[0.99], largest].map {
      Numbers.decimal(Double($0) / 1000, places: 1).right(12)
    }.joined()
  }
}

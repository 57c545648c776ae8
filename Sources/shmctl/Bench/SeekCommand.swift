import Arguments
import ShmBus
import ToolSupport

/// `shmctl bench seek`.
enum SeekCommand {
  private static let largest = Option(
    "slots", .integer(1024...(1 << 22)), default: 1 << 19,
    help: "The largest ring; smaller ones are measured too.")
  private static let spacing = Option(
    "index-spacing", .integer(1...65_536), default: 64, help: "Offsets between entries.")

  static let command = Command(
    "seek", summary: "How long it takes to find a place by time or by offset.",
    discussion: """
      Rings of growing size, each filled by real publishing; places drawn at random. The last \
      column is the same search without the index, from message to message.
      """,
    options: [largest, spacing, Shmctl.json]
  ) { parsed in
    guard parsed[spacing].nonzeroBitCount == 1 else {
      throw UsageError("--index-spacing must be a power of two, but is \(parsed[spacing])")
    }
    let rows = try SeekBench(largest: parsed[largest], spacing: parsed[spacing]).run()
    try Program.print(
      parsed[Shmctl.json] ? JSON.array(rows.map(\.json)).text + "\n" : text(rows))
    return 0
  }

  private static func text(_ rows: [SeekBench.Row]) -> String {
    let lines = rows.map { row in
      Numbers.grouped(row.slots).right(11)
        + [row.byTime, row.byOffset, row.walk].map {
          Numbers.grouped(Int($0)).right(15)
        }.joined()
    }
    let head = "      SLOTS   BY TIME (NS) BY OFFSET (NS)  WITHOUT INDEX"
    return ([head] + lines).joined(separator: "\n") + "\n"
  }
}

extension SeekBench.Row {
  fileprivate var json: JSON {
    .fields([
      "slots": .integer(slots), "byTime": .number(byTime), "byOffset": .number(byOffset),
      "withoutIndex": .number(walk),
    ])
  }
}

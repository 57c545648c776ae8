import Arguments
import Glibc
import ShmBus
import ToolSupport

/// `shmctl trim`.
enum TrimCommand {
  private static let before = Option(
    "before", .trimPoint,
    help: "Up to where: an offset, or the first message at or after a time.")
  private static let olderThan = Option(
    "older-than", .duration, help: "The same as --before time:-DURATION.")
  private static let partitions = Option(
    "partition", short: "p", repeated: .integer(0...), help: "Only this one.")

  static let command = Command(
    "trim", summary: "Move the start of a bus: what is older is not given out any more.",
    discussion: """
      Readers behind the new start are told of a gap with the next message they ask for, and go on \
      there; 'earliest' means the new start. A start never moves back, and what is not published yet \
      is not trimmed. Heads stay where they are until their readers go on: to let go publishers that \
      a group without members holds, use 'shmctl group reset'.

      \(TimeText.sentence)
      """,
    under: Heading.buses, arguments: [Shmctl.busName],
    options: [before, olderThan, partitions, Shmctl.keyFile, Shmctl.json],
    conflicts: [Conflict(before, olderThan, because: "both say up to where")],
    examples: [
      Example("Keep an hour.", "shmctl trim orders --older-than 1h"),
      Example("Drop all before an offset.", "shmctl trim orders --before offset:1200 -p 0"),
    ]
  ) { parsed in
    let point: TrimPoint
    switch (parsed[before], parsed[olderThan]) {
    case (let before?, _): point = before.point
    case (_, let age?): point = .time(TimeText.time(age, before: TopSource.now(CLOCK_REALTIME)))
    case (nil, nil): throw UsageError("'shmctl trim' needs --before or --older-than")
    }
    let bus = try Shmctl.openBus(parsed)
    let chosen = parsed[partitions].isEmpty ? nil : parsed[partitions]
    let moves = try bus.trim(before: point, partitions: chosen)
    try Program.print(
      parsed[Shmctl.json] ? json(bus, moves).text + "\n" : text(moves, of: bus))
    return 0
  }

  private static func text(_ moves: [TrimMove], of bus: Bus) -> String {
    var lines = ["PARTITION             FROM               TO            SLOTS"]
    lines += moves.map { move in
      "\(move.partition)".right(9) + Numbers.grouped(move.from).right(17)
        + Numbers.grouped(move.to).right(17) + Numbers.grouped(move.to - move.from).right(17)
    }
    for move in moves where !move.groupsBehind.isEmpty {
      lines.append(
        "partition \(move.partition): behind the start: "
          + move.groupsBehind.map { "group '\($0)'" }.joined(separator: ", ")
          + "; members are told when they read on")
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private static func json(_ bus: Bus, _ moves: [TrimMove]) -> JSON {
    .fields([
      "name": .string(bus.name),
      "partitions": .array(
        moves.map {
          .fields([
            "partition": .integer($0.partition), "from": .integer($0.from), "to": .integer($0.to),
            "groupsBehind": .array($0.groupsBehind.map { .string($0) }),
          ])
        }),
    ])
  }
}

/// A point to trim up to, with the words that asked for it.
struct TrimPlace: Sendable {
  let text: String
  let point: TrimPoint

  init?(_ text: String) {
    guard let place = Place(text, now: TopSource.now(CLOCK_REALTIME)) else { return nil }
    switch place.start {
    case .offset(let offset): point = .offset(offset)
    case .time(let time): point = .time(time)
    case .earliest, .latest, .relative: return nil
    }
    self.text = text
  }
}

extension Form where Value == TrimPlace {
  /// `offset:N` or `time:T`.
  fileprivate static var trimPoint: Form {
    Form(
      "POINT", accepting: "offset:N or time:T", completion: .words(["offset:", "time:"]),
      show: \.text, read: { TrimPlace($0) })
  }
}

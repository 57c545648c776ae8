/// The command line is wrong: one sentence that says what was found and what to do about it.
///
/// The parser throws it, and so may a command's `run` for a rule that no declaration expresses.
public struct UsageError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The exit code for it, `EX_USAGE` of sysexits.
  public static let exitCode: Int32 = 64
  /// The sentence, without the tool's name, a capital or a full stop.
  public let description: String

  /// Makes an error of a sentence.
  public init(_ description: String) { self.description = description }
}

extension String {
  /// In quotes, on one line, with nothing in it that a terminal would act upon.
  var quoted: String {
    let safe = unicodeScalars.map { scalar in
      scalar.properties.generalCategory == .control
        ? scalar.escaped(asASCII: true) : String(scalar)
    }
    return "'\(safe.joined())'"
  }

  /// The candidate that was probably meant: a continuation of it, or few slips of the finger away.
  func nearest(in candidates: [String]) -> String? {
    if count > 1, let longer = candidates.first(where: { $0.hasPrefix(self) }) { return longer }
    let near = candidates.map { (word: $0, slips: slips(to: $0)) }
      .sorted { $0.slips < $1.slips }.first
    return near.flatMap { $0.slips <= Swift.max(1, count / 3) ? $0.word : nil }
  }

  /// How many letters to insert, delete, replace or swap with their neighbour to reach `other`.
  func slips(to other: String) -> Int {
    let from = Array(self)
    let to = Array(other)
    var rows = [Array(0...to.count)]
    for i in from.indices {
      var row = [i + 1]
      for j in to.indices {
        let replaced = rows[i][j] + (from[i] == to[j] ? 0 : 1)
        var least = Swift.min(replaced, rows[i][j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, from[i] == to[j - 1], from[i - 1] == to[j] {
          least = Swift.min(least, rows[i - 1][j - 1] + 1)
        }
        row.append(least)
      }
      rows.append(row)
    }
    return rows[from.count][to.count]
  }
}

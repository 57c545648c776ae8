import Glibc
import TestSupport

/// Which points of an operation are taken.
struct Schedule {
  var first = 0
  var stride = 1
  /// When to stop, in ``monotonicNanoseconds()``.
  var deadline = UInt64.max
  /// How many violations are enough.
  var most = 5

  var isOver: Bool { monotonicNanoseconds() > deadline }
}

/// One row of the matrix.
struct Tally {
  let scenario: String
  /// Who goes on with the bus: others that were attached, or somebody new.
  let way: String
  var instructions = 0
  var kills = 0
  /// Repetitions of one instruction that were not taken.
  var skipped = 0
  /// Kills besides, of victims that took another way.
  var strays = 0
  /// Instructions that no victim came to: those of the way that only the traced one took.
  var missed = 0
  var outcomes = [0, 0, 0]
  var violations = 0
  var isCut = false

  init(scenario: String, way: String) {
    self.scenario = scenario
    self.way = way
  }

  mutating func count(_ outcome: Outcome) {
    kills += 1
    outcomes[outcome.rawValue] += 1
  }

  mutating func note(_ violation: String) {
    violations += 1
    say("VIOLATION \(scenario), \(way): \(violation)")
  }

  static let head =
    "| operation | goes on | instructions | kills | never happened | padding | done | violations |"

  var row: String {
    let notes =
      (skipped > 0 ? " (\(skipped) repeats skipped)" : "")
      + (missed > 0 ? " (\(missed) not reached)" : "") + (isCut ? " (cut short)" : "")
    return
      "| \(scenario) | \(way) | \(instructions) | \(kills)\(notes) | \(outcomes[0])"
      + " | \(outcomes[1]) | \(outcomes[2]) | \(violations) |"
  }
}

/// A line on standard output, at once.
func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = unsafe write(1, bytes, bytes.count)
}

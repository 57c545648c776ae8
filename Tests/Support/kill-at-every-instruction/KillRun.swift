import Glibc
import TestSupport

/// Kills a victim at each instruction of an operation, and sees whether the bus goes on.
struct KillRun {
  let run: Run
  let bystander: Bool
  let schedule: Schedule
  private(set) var tally: Tally

  init(_ scenario: Scenario, bystander: Bool, _ schedule: Schedule) throws {
    run = try Run(scenario)
    self.bystander = bystander
    self.schedule = schedule
    tally = Tally(scenario: scenario.name, way: bystander ? "attached" : "new")
  }

  mutating func all() throws {
    let path = try Path(of: run, bystander: bystander)
    tally.instructions = path.count
    var furthest = Outcome.never
    for point in Swift.stride(from: schedule.first, through: path.count, by: schedule.stride) {
      if path.repeats(point) {
        tally.skipped += 1
        continue
      }
      do {
        guard let outcome = try kill(at: point, of: path) else {
          tally.missed += 1
          continue
        }
        tally.count(outcome)
        if outcome < furthest, run.scenario.isRepeatable {
          throw Violation("\(outcome) after \(furthest)")
        }
        furthest = outcome
        if point == path.count, run.scenario.mustBeDone, outcome != .done {
          throw Violation("the operation had returned, and: \(outcome)")
        }
      } catch let violation as Violation {
        tally.note("instruction \(point): \(violation)")
        if tally.violations >= schedule.most { return }
      }
      if schedule.isOver {
        tally.isCut = true
        return
      }
    }
  }

  /// Kills one victim before the instruction that was the `point`th of the traced pass; nil where
  /// none came there. A victim that took another way (the clock's line ran out, and it was drawn
  /// anew) is killed at its end and looked at too, and another one takes its place.
  private mutating func kill(at point: Int, of path: Path) throws -> Outcome? {
    for _ in 0..<Self.attempts {
      let cast = try run.cast(bystander: bystander)
      let isThere = try path.bring(cast.victim, to: point)
      if point == path.count { try cast.checkWake() }
      // Before its death: a sleeper that wakes by itself then clears away after it.
      let claimed = run.segments.cursor
      let progress = run.scenario.progress?(cast)
      try cast.victim.kill()
      let messages = try cast.goOn()
      let outcome = try outcome(messages, progress, claimedUpTo: claimed)
      if isThere { return outcome }
      tally.strays += 1
    }
    return nil
  }

  private static let attempts = 8

  /// What became of an operation that publishes.
  private func outcome(
    _ messages: [Int: UInt64], _ progress: Outcome?, claimedUpTo cursor: UInt64
  ) throws -> Outcome {
    for number in 0..<run.scenario.published
    where messages[number] == nil && !run.scenario.mayOverwrite {
      throw Violation("message \(number), published before, is lost")
    }
    if let progress { return progress }
    var delivered = 0
    for claim in run.scenario.claims {
      let found = claim.filter { messages[$0] != nil }.count
      guard found == 0 || found == claim.count else {
        throw Violation("\(found) of \(claim.count) messages of one claim were delivered")
      }
      if found > 0 { delivered += 1 }
    }
    if delivered == run.scenario.claims.count, delivered > 0 { return .done }
    return cursor == UInt64(run.scenario.at) && delivered == 0 ? .never : .padding
  }
}

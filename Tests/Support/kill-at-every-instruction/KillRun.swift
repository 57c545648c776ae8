import Glibc
import TestSupport

/// Kills a victim at each instruction of an operation, and sees whether the bus goes on.
struct KillRun {
  let run: Run
  let bystander: Bool
  let schedule: Schedule
  private(set) var tally: Tally
  private var path: [UInt64] = []

  init(_ scenario: Scenario, bystander: Bool, _ schedule: Schedule) throws {
    run = try Run(scenario)
    self.bystander = bystander
    self.schedule = schedule
    tally = Tally(scenario: scenario.name, way: bystander ? "attached" : "new")
  }

  /// The addresses of the operation's instructions: the shortest of a few passes. A pass is longer when
  /// the clock's line ran out on the way.
  private func trace() throws -> [UInt64] {
    var shortest: [UInt64] = []
    for _ in 0..<3 {
      let cast = try run.cast(bystander: bystander)
      var addresses = [cast.victim.address]
      // Ends: with the operation.
      while try cast.victim.step() == .trapped { addresses.append(cast.victim.address) }
      try cast.victim.kill()
      _ = try cast.goOn()
      if shortest.isEmpty || addresses.count < shortest.count { shortest = addresses }
    }
    return shortest
  }

  mutating func all() throws {
    path = try trace()
    tally.instructions = path.count
    var furthest = Outcome.never
    for point in Swift.stride(from: schedule.first, through: path.count, by: schedule.stride) {
      if repeats(point) {
        tally.skipped += 1
        continue
      }
      do {
        let outcome = try kill(after: point)
        tally.count(outcome)
        if outcome < furthest { throw Violation("\(outcome) after \(furthest)") }
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

  /// One instruction that is executed again and again, such as `rep movsb`.
  private func repeats(_ point: Int) -> Bool {
    point > 4 && point + 1 < path.count
      && path[point - 4...point + 1].allSatisfy { $0 == path[point] }
  }

  /// Kills one victim after its first `count` instructions. One that has left the path (the clock's line
  /// ran out, another thread had the core) is killed and looked at too, and another one takes its place.
  private mutating func kill(after count: Int) throws -> Outcome {
    // Ends: after that many attempts the point counts as reached.
    for attempt in 1...20 {
      let cast = try run.cast(bystander: bystander)
      let isOnPath = try advance(cast.victim, count)
      try cast.victim.kill()
      let claimed = run.segments.cursor
      let progress = run.scenario.progress?(cast.before, run.segments)
      let messages = try cast.goOn()
      let outcome = try progress ?? outcome(messages, claimedUpTo: claimed)
      if isOnPath { return outcome }
      tally.count(outcome)
      tally.strays += 1
      if attempt == 20 { throw Violation("20 victims left the path") }
    }
    return .never
  }

  /// False if the victim is somewhere else after `count` instructions than the one that was traced.
  private func advance(_ victim: Tracee, _ count: Int) throws -> Bool {
    for done in 0..<count {
      switch try victim.step() {
      case .trapped: continue
      case .ended: return done + 1 == count && count == path.count
      case let stop: throw Violation("the victim stopped: \(stop)")
      }
    }
    return count < path.count && victim.address == path[count]
  }

  /// What became of an operation that publishes.
  private func outcome(_ messages: [Int: UInt64], claimedUpTo cursor: UInt64) throws -> Outcome {
    for number in 0..<run.scenario.slotsBefore where messages[number] == nil {
      throw Violation("message \(number), published before, is lost")
    }
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

extension Scenario {
  /// Whether what returned must have been delivered; an abort delivers nothing.
  var mustBeDone: Bool { progress != nil || !claims.isEmpty }
}

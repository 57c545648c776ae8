import Glibc
import TestSupport

/// Stops a victim at each instruction of an operation and lets others work; then it goes on, or
/// dies.
struct PauseRun {
  enum Way: String {
    /// Others publish a little, and it goes on.
    case pause = "a few"
    /// Others go round the ring, so that its open claim is taken out of use, and it goes on.
    case laps = "two laps"
    /// Others publish a little, and it is killed.
    case death = "a few, then a kill"
  }

  let run: Run
  let way: Way
  let schedule: Schedule
  private(set) var tally: Tally

  init(_ scenario: Scenario, _ way: Way, _ schedule: Schedule) throws {
    var scenario = scenario
    if way == .laps {
      scenario.claimTimeout = .milliseconds(10)
      scenario.group?.pollInterval = .milliseconds(10)
    }
    run = try Run(scenario)
    self.way = way
    self.schedule = schedule
    tally = Tally(scenario: scenario.name, way: way.rawValue)
  }

  mutating func all() throws {
    let path = try Path(of: run, bystander: true)
    tally.instructions = path.count
    for point in Swift.stride(from: schedule.first, to: path.count, by: schedule.stride) {
      if path.repeats(point) {
        tally.skipped += 1
        continue
      }
      do { try pause(at: point, of: path) } catch let violation as Violation {
        tally.note("instruction \(point): \(violation)")
        if tally.violations >= schedule.most { return }
      }
      if schedule.isOver {
        tally.isCut = true
        return
      }
    }
  }

  private mutating func pause(at point: Int, of path: Path) throws {
    let cast = try run.cast(bystander: true)
    guard try path.bring(cast.victim, to: point) else {
      tally.missed += 1
      return
    }
    _ = try cast.bystander?.ask(way == .laps ? "laps" : "few")
    let published = run.scenario.published
    let read: [Int: UInt64]
    if way == .death {
      try cast.victim.kill()
      read = try cast.goOn().filter { $0.key >= published }
    } else {
      let said = try goOn(cast)
      read = try cast.goOn().filter { $0.key >= published }
      guard said == read else { throw Violation("it published \(said), and read was \(read)") }
    }
    let delivered = run.scenario.claims.filter { $0.allSatisfy { read[$0] != nil } }.count
    tally.count(delivered == run.scenario.claims.count ? .done : .padding)
  }

  /// Lets the victim end its operation and its life; what it says it has published.
  private func goOn(_ cast: Cast) throws -> [Int: UInt64] {
    if way == .pause { try cast.awaitQuiet() }
    let stop = try cast.victim.runToMark()
    guard stop == .ended else { throw cast.failure }
    if way == .pause { try cast.checkWake() }
    let end = try cast.victim.go()
    guard end == .gone(0) else { throw Violation("the victim ended: \(end)") }
    return try cast.heard()
  }
}

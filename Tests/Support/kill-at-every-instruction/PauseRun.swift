import Glibc
import TestSupport

/// Stops a victim at each instruction of an operation, lets others work, and lets it go on.
struct PauseRun {
  let run: Run
  /// Others go round the ring meanwhile, so that an open claim is taken out of use.
  let laps: Bool
  let schedule: Schedule
  private(set) var tally: Tally

  init(_ scenario: Scenario, laps: Bool, _ schedule: Schedule) throws {
    var scenario = scenario
    if laps { scenario.claimTimeout = .milliseconds(10) }
    run = try Run(scenario)
    self.laps = laps
    self.schedule = schedule
    tally = Tally(scenario: scenario.name, way: laps ? "two laps" : "a few")
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
    _ = try cast.bystander?.ask(laps ? "laps" : "few")
    if !laps { try cast.awaitQuiet() }
    let stop = try cast.victim.runToMark()
    guard stop == .ended else { throw Violation("the victim stopped: \(stop)") }
    if !laps { try cast.checkWake() }
    let end = try cast.victim.go()
    guard end == .gone(0) else { throw Violation("the victim ended: \(end)") }
    let published = run.scenario.published
    let said = try cast.heard()
    let read = try cast.goOn().filter { $0.key >= published }
    guard said == read else { throw Violation("it published \(said), and read was \(read)") }
    let delivered = run.scenario.claims.filter { $0.allSatisfy { read[$0] != nil } }.count
    tally.count(delivered == run.scenario.claims.count ? .done : .padding)
  }
}

import Glibc
import ShmBus
import TestSupport

/// Everybody who takes part when one victim is interrupted.
final class Cast {
  let run: Run
  let victim: Tracee
  let bystander: Part?
  private let sleeper: Part?
  private var blocked: Part?
  private var dead: Tracee?
  /// What the victim says when it is through.
  private let line: Line
  /// The bus at the first mark.
  let before: Segments.Image
  /// Where the victim's own head stood then.
  private(set) var headAtBegin: UInt64 = 0
  /// Where its group stood then.
  private(set) var termAtBegin: UInt64 = 0

  /// All are attached, and the victim is at its first mark.
  init(_ run: Run, bystander hasBystander: Bool, isStepped: Bool) throws {
    self.run = run
    let segments = run.segments
    let scenario = run.scenario
    // First, so that it has the first subscribers' row.
    sleeper = try scenario.hasSleeper ? Part { try Sleeper.play(segments, $0) } : nil
    _ = try sleeper?.hear()
    bystander =
      try hasBystander
      ? Part { line in
        guard let plan = scenario.group else { return try Survivor.bystander(segments, line) }
        try GroupSurvivor.bystander(segments, plan, line)
      } : nil
    _ = try bystander?.hear()
    let (own, other) = try Line.pair()
    defer { other.close() }
    line = own
    dead = try scenario.dead.map { try Self.start($0, on: segments.bus, other) }
    if let dead, try dead.runToMark() != .began { throw Self.failure(of: own) }
    victim = try Self.start(scenario.play, on: segments.bus, other, isStepped: isStepped)
    let stop = try victim.runToMark()
    if !scenario.ownerLives {
      try dead?.kill()
      dead = nil
    }
    blocked = try scenario.hasBlocked ? Part { try Blocked.play(segments, $0) } : nil
    _ = try blocked?.hear()
    _ = try bystander?.ask("catch up")
    before = segments.image
    guard stop == .began else { throw Self.failure(of: own) }
    headAtBegin = headOfVictim
    termAtBegin = segments.groupHead.term
    try awaitSleepers()
  }

  deinit {
    line.close()
    // Whatever is left of them after a violation.
    try? victim.kill()
    try? dead?.kill()
  }

  static func start(
    _ play: (Stage) throws -> Void, on bus: String, _ line: Line, isStepped: Bool = false
  ) throws -> Tracee {
    try Tracee {
      var stage = Stage(bus, line)
      stage.isStepped = isStepped
      do { try play(stage) } catch { line.say("bad \(error)") }
      _exit(0)
    }
  }

  static func failure(of line: Line) -> Violation {
    Violation("the victim failed: \((try? line.hear(within: 1)) ?? "it said nothing")")
  }

  /// Of a victim that ended before the end of its operation.
  var failure: Violation { Self.failure(of: line) }

  private var subscribersBefore: Int { (sleeper == nil ? 0 : 1) + (bystander == nil ? 0 : 1) }
  private var firstSubscriber: Int { Run.configuration().maxPublishers }

  /// The head of the victim, as the last subscriber that attached.
  var headOfVictim: UInt64 { run.segments.head(ofSubscriber: subscribersBefore) }

  /// The registry row of a victim that is a member of a group.
  var victimRow: Int {
    let isFirst =
      run.scenario.dead == nil && (bystander == nil || run.scenario.group?.joinsLate == true)
    return firstSubscriber + (isFirst ? 0 : 1)
  }

  /// Whether a subscriber is announced asleep and has been given no wake.
  private var sleeperWaits: Bool {
    run.segments.endpoint(firstSubscriber, at: 72) != 0
      && run.segments.endpoint(firstSubscriber, at: 64) & 0xffff_ffff == 0
  }

  /// Until those who are to sleep do.
  func awaitSleepers() throws {
    if let sleeper {
      guard eventually(within: 5, { sleeperWaits && sleeper.isAsleep })
      else { throw Violation("the sleeper does not sleep") }
    }
    if let blocked {
      guard eventually(within: 5, { blocked.isAsleep })
      else { throw Violation("the blocked publisher does not sleep") }
    }
  }

  /// Until the sleeper has looked at what others did and sleeps again.
  func awaitQuiet() throws {
    guard let sleeper else { return }
    guard eventually(within: 5, { sleeper.isAsleep }) else {
      throw Violation("the sleeper does not come to rest")
    }
  }

  /// After the victim has returned: nobody sleeps over what it did. Asked of the words and the
  /// kernel, because every sleep ends by itself soon. By now every slot below the cursor is
  /// decided.
  func checkWake() throws {
    guard let sleeper else { return }
    let isBehind = { self.run.segments.head(ofSubscriber: 0) < self.run.segments.cursor }
    // Asleep all the time between the two looks, and nobody had woken it before.
    if isBehind(), sleeperWaits, sleeper.isAsleep, sleeperWaits, isBehind() {
      throw Violation("a wake was lost")
    }
  }

  /// What the victim said, when it was let run to its end.
  func heard() throws -> [Int: UInt64] {
    let words = try line.hear(within: 5)
    if words.hasPrefix("bad ") { throw Violation("the victim: \(words.dropFirst(4))") }
    return Self.messages(words)
  }

  /// Others read what is there and go on with the bus; returns what they were given of the
  /// victim's.
  func goOn() throws -> [Int: UInt64] {
    let segments = run.segments
    let early = run.scenario.hasBlocked ? nil : run.early
    let verdict: String
    if let bystander {
      verdict = try bystander.ask("check")
      try bystander.join()
    } else {
      let plan = run.scenario.group
      let newcomer = try Part { line in
        guard let plan else { return try Survivor.newcomer(segments, early: early, line) }
        try GroupSurvivor.newcomer(segments, plan, line)
      }
      verdict = try newcomer.hear()
      try newcomer.join()
    }
    try awaitOwner()
    for part in [sleeper, blocked].compactMap({ $0 }) {
      let answer = try part.hear()
      try part.join()
      guard answer == verdict || part === blocked else {
        throw Violation("one reader was given \(verdict), a sleeper \(answer)")
      }
    }
    return Self.messages(verdict)
  }

  /// A stopped owner goes on. Others have gone round the ring: its claim is void, and it is told
  /// so.
  private func awaitOwner() throws {
    guard let owner = dead else { return }
    let end = try owner.go()
    guard end == .gone(0) else { throw Violation("the owner ended: \(end)") }
    dead = nil
    let said = try line.hear(within: 5)
    guard said == "fenced" else { throw Violation("the owner, lapped, was told '\(said)'") }
  }

  /// "ok 0@3,1@4" as numbers and offsets.
  static func messages(_ verdict: String) -> [Int: UInt64] {
    var found: [Int: UInt64] = [:]
    for word in verdict.split(separator: " ").last?.split(separator: ",") ?? [] {
      let halves = word.split(separator: "@")
      if halves.count == 2, let number = Int(halves[0]) { found[number] = UInt64(halves[1]) }
    }
    return found
  }
}

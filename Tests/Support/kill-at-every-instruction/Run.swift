import Glibc
import ShmBus
import TestSupport

/// One scenario's bus, and one victim after the other on it.
final class Run {
  let scenario: Scenario
  let segments: Segments
  /// How the bus is before each victim.
  let start: Segments.Image
  let early: Int

  /// The smallest bus there is that has room for everybody: 8 KiB and 12 KiB.
  static func configuration(_ scenario: Scenario) -> BusConfiguration {
    BusConfiguration(
      maxPartitions: 1, slots: 64, slotSize: 64, maxPublishers: 5, maxSubscribers: 5, maxGroups: 1,
      maxProducers: 1, claimTimeout: scenario.claimTimeout, indexSpacing: 16)
  }

  init(_ scenario: Scenario) throws {
    self.scenario = scenario
    early = max(0, scenario.at - scenario.slotsBefore)
    let name = TestSpace.busName(scenario.name)
    let bus = try Bus.create(name, Self.configuration(scenario))
    if early > 0 {
      let publisher = try bus.publisher()
      for number in 0..<early {
        try publisher.publish(Pattern.bytes(Name.early, number, count: 40))
        // So that the rate of the clock's counter is known, to the victims too.
        if number == early - 2 { usleep(4_000) }
      }
    }
    segments = try Segments(of: name)
    start = segments.image
  }

  deinit { TestSpace.clear(segments.bus) }

  /// The victim and those around it, at the first mark.
  func cast(bystander: Bool) throws -> Cast {
    segments.restore(start)
    return try Cast(self, bystander: bystander)
  }
}

/// Everybody on the stage of one kill.
final class Cast {
  let run: Run
  let victim: Tracee
  let bystander: Part?
  let sleeper: Part?
  /// What the victim says when it is through.
  private let line: Line
  /// The bus at the first mark.
  let before: Segments.Image

  init(_ run: Run, bystander hasBystander: Bool) throws {
    self.run = run
    let segments = run.segments
    let scenario = run.scenario
    // First, so that it has the first subscribers' row.
    sleeper =
      try scenario.hasSleeper ? Part { try Sleeper.play(segments, $0) } : nil
    _ = try sleeper?.hear()
    bystander = try hasBystander ? Part { try Survivor.bystander(segments, $0) } : nil
    _ = try bystander?.hear()
    let (own, other) = try Line.pair()
    line = own
    victim = try Cast.start(scenario.play, on: segments.bus, other)
    other.close()
    guard try victim.runToMark() == .began else {
      throw Violation("the victim failed: \((try? own.hear(within: 1)) ?? "it said nothing")")
    }
    _ = try bystander?.ask("catch up")
    before = segments.image
    try awaitSleeper()
  }

  deinit { line.close() }

  private static func start(
    _ play: (Stage) throws -> Void, on bus: String, _ line: Line
  ) throws -> Tracee {
    try Tracee {
      do { try play(Stage(bus, line)) } catch { line.say("bad \(error)") }
      _exit(0)
    }
  }

  /// Until the sleeper sleeps.
  func awaitSleeper() throws {
    guard let sleeper else { return }
    let row = Int(Run.configuration(run.scenario).maxPublishers)
    guard
      eventually(within: 5, { run.segments.endpoint(row, at: 72) != 0 && sleeper.isAsleep })
    else { throw Violation("the sleeper does not sleep") }
  }

  /// What the victim said.
  func heard() throws -> String {
    let words = try line.hear(within: 5)
    if words.hasPrefix("bad ") { throw Violation("the victim: \(words.dropFirst(4))") }
    return words
  }

  /// Others read what is there and go on with the bus; returns what they were given of the victim's.
  func goOn() throws -> [Int: UInt64] {
    let segments = run.segments
    let early = run.early
    let verdict: String
    if let bystander {
      verdict = try bystander.ask("check")
      try bystander.join()
    } else {
      let newcomer = try Part { try Survivor.newcomer(segments, early: early, $0) }
      verdict = try newcomer.hear()
      try newcomer.join()
    }
    if let sleeper {
      let answer = try sleeper.hear()
      try sleeper.join()
      guard answer == verdict else {
        throw Violation("one reader was given \(verdict), a sleeper \(answer)")
      }
    }
    return Self.messages(verdict)
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

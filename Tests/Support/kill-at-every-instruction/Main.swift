import CTracing
import Glibc
import TestSupport

/// Interrupts the operations of a bus at every machine instruction: see `docs/PROOF.md`.
///
/// ```
///   kill-at-every-instruction list
///   kill-at-every-instruction kill [OPTION...] OPERATION...
/// ```
@main
enum Main {
  static func main() {
    guard tracing_is_supported() == 1 else {
      say("stepping instructions works on x86-64 only")
      exit(69)
    }
    settle()
    do { exit(try Command(Array(CommandLine.arguments.dropFirst())).run()) } catch {
      say("\(error)")
      exit(64)
    }
  }

  /// The same addresses and hashes, all symbols bound and one core: each victim does what the last one did.
  private static func settle() {
    unsafe setenv("LD_BIND_NOW", "1", 1)
    unsafe setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    if tracing_fix_addresses() == 1 {
      unsafe execv("/proc/self/exe", CommandLine.unsafeArgv)
    }
    _ = tracing_pin(unsafe getenv("KILL_CPU").flatMap { unsafe Int32(String(cString: $0)) } ?? 0)
    // Where it is allowed: a victim that is stepped slowly outlives the line its clock has drawn,
    // and takes a longer way.
    _ = tracing_take_precedence()
    _ = tracing_tick(100_000)
    _ = TestSpace.namespace
  }
}

/// What the arguments ask for.
struct Command {
  private let name: String
  private var operations: [Scenario] = []
  private var schedule = Schedule()
  private var bystanders = [false, true]

  init(_ arguments: [String]) throws {
    name = arguments.first ?? "list"
    var words = arguments.dropFirst()
    while let word = words.popFirst() {
      switch word {
      case "--stride": schedule.stride = try Self.number(words.popFirst())
      case "--first": schedule.first = try Self.number(words.popFirst())
      case "--most": schedule.most = try Self.number(words.popFirst())
      case "--seconds":
        schedule.deadline =
          monotonicNanoseconds() + UInt64(try Self.number(words.popFirst())) * 1_000_000_000
      case "--new": bystanders = [false]
      case "--attached": bystanders = [true]
      default:
        guard let scenario = Scenario.all.first(where: { $0.name == word }) else {
          throw Violation("no operation '\(word)'; 'list' names them")
        }
        operations.append(scenario)
      }
    }
    if operations.isEmpty { operations = Scenario.all }
  }

  private static func number(_ word: String?) throws -> Int {
    guard let number = word.flatMap(Int.init), number >= 0 else { throw Violation("not a number") }
    return number
  }

  func run() throws -> Int32 {
    switch name {
    case "list":
      for scenario in operations { say("\(scenario.name): \(scenario.about)") }
      return 0
    case "kill":
      return try table { scenario in
        try bystanders.filter { $0 ? scenario.mayHaveBystander : !scenario.mustHaveBystander }.map {
          bystander in
          var run = try KillRun(scenario, bystander: bystander, schedule)
          try run.all()
          return run.tally
        }
      }
    case "pause", "laps", "death":
      let way: PauseRun.Way = name == "pause" ? .pause : name == "laps" ? .laps : .death
      return try table { scenario in
        guard scenario.mayHaveBystander, way != .laps || scenario.mayBeLapped else { return [] }
        var run = try PauseRun(scenario, way, schedule)
        try run.all()
        return [run.tally]
      }
    case "images":
      return try table { scenario in
        var run = try ColdRun(scenario, "image", schedule)
        try run.images()
        return [run.tally]
      }
    case "calls":
      return try table { scenario in
        var run = try ColdRun(scenario, "system call", schedule)
        try run.systemCalls()
        return [run.tally]
      }
    default: throw Violation("unknown command '\(name)'")
    }
  }

  private func table(_ rows: (Scenario) throws -> [Tally]) throws -> Int32 {
    var violations = 0
    say(Tally.head)
    for scenario in operations {
      let begin = monotonicNanoseconds()
      let found: [Tally]
      do { found = try rows(scenario) } catch {
        say("VIOLATION \(scenario.name): \(error)")
        violations += 1
        continue
      }
      for tally in found {
        violations += tally.violations
        say(tally.row + " \((monotonicNanoseconds() - begin) / 1_000_000) ms")
      }
    }
    return violations == 0 ? 0 : 1
  }
}

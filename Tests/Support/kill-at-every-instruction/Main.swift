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

  /// The same addresses, all symbols bound and one core: each victim does what the last one did.
  private static func settle() {
    unsafe setenv("LD_BIND_NOW", "1", 1)
    if tracing_fix_addresses() == 1 {
      unsafe execv("/proc/self/exe", CommandLine.unsafeArgv)
    }
    _ = tracing_pin(unsafe getenv("KILL_CPU").flatMap { unsafe Int32(String(cString: $0)) } ?? 0)
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
        guard let scenario = Scenario.publishing.first(where: { $0.name == word }) else {
          throw Violation("no operation '\(word)'; 'list' names them")
        }
        operations.append(scenario)
      }
    }
    if operations.isEmpty { operations = Scenario.publishing }
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
      var violations = 0
      say(Tally.head)
      for scenario in operations {
        for bystander in bystanders where scenario.mayHaveBystander || !bystander {
          let begin = monotonicNanoseconds()
          var run = try KillRun(scenario, bystander: bystander, schedule)
          try run.all()
          violations += run.tally.violations
          say(run.tally.row + " \((monotonicNanoseconds() - begin) / 1_000_000) ms")
        }
      }
      return violations == 0 ? 0 : 1
    default: throw Violation("unknown command '\(name)'")
    }
  }
}

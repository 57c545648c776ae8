import Glibc
import TestSupport
import ToolSupport

/// Random deaths, stops, joins and leaves on several buses at once, and an account of every message:
///
///     bus-soak --seconds 100 [--seed S] [--episode N] [--keep DIRECTORY]
///
/// A soak is a row of episodes, each with buses and processes of its own. Every episode's plan follows from
/// the seed and its number; `--episode` plays only that one. Ends with 1 at the first episode where
/// something is wrong, and keeps what was written down.
@main
enum Main {
  static func main() {
    do { exit(try run(Options(CommandLine.arguments.dropFirst()))) } catch {
      say("bus-soak: \(error)")
      exit(64)
    }
  }

  private static func run(_ options: Options) throws -> Int32 {
    Interrupt.install()
    let seed = Seed(options.seed)
    say("soak: seed \(seed.value), \(options.seconds) s")
    let end = monotonicNanoseconds() + UInt64(options.seconds) * 1_000_000_000
    var tally = Tally()
    var number = options.episode ?? 0
    repeat {
      let left = Double(end) - Double(monotonicNanoseconds())
      let plan = EpisodePlan(seed, number, atMost: options.episode == nil ? left / 1e9 : .infinity)
      let episode = try Episode(plan, directory: options.directory)
      try episode.run()
      tally.add(episode.tally)
      guard episode.faults.isEmpty else {
        say("WRONG: seed \(seed.value), episode \(number): \(plan)")
        for fault in episode.faults { say("  \(fault)") }
        say("  kept in \(episode.directory); again: --seed \(seed.value) --episode \(number)")
        say("until then: \(tally)")
        return 1
      }
      episode.forget()
      guard !Interrupt.isPending else {
        say("stopped: seed \(seed.value), nothing wrong until then, \(tally)")
        return Interrupt.exitCode
      }
      say("episode \(number): \(episode.tally)")
      number += 1
    } while options.episode == nil && monotonicNanoseconds() + 2_000_000_000 < end
    say("clean: seed \(seed.value), \(number - (options.episode ?? 0)) episodes, \(tally)")
    return 0
  }
}

/// The arguments.
struct Options {
  private(set) var seconds = 100
  private(set) var seed = UInt64.random(in: 0 ... .max)
  private(set) var episode: Int?
  private(set) var directory = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  init(_ arguments: ArraySlice<String>) throws {
    var rest = arguments
    while let option = rest.popFirst() {
      guard let value = rest.popFirst() else {
        throw Failure(description: "\(option) needs a value")
      }
      let number = UInt64(value)
      switch (option, number) {
      case ("--seconds", let number?): seconds = Int(min(number, 1 << 30))
      case ("--seed", let number?): seed = number
      case ("--episode", let number?): episode = Int(min(number, 1 << 30))
      case ("--keep", _): directory = value
      default: throw Failure(description: "what is \(option) \(value)?")
      }
    }
  }
}

import Glibc
import ShmBus
import TestSupport

/// Plays one part on a bus: `bus-actor PART ARGUMENT...`. What it prints is for the test that started it.
@main
enum Main {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    guard let name = arguments.first, let part = Part(rawValue: name) else {
      say("unknown part")
      exit(64)
    }
    do {
      let plan = Plan(Array(arguments.dropFirst()))
      if plan.number("guard") != 0 { TruncationGuard.install() }
      try part.play(plan)
    } catch let error as BusError {
      say("error \(error.code.rawValue) \(error.message)")
      exit(error.code.rawValue)
    } catch {
      say("error 1 \(error)")
      exit(1)
    }
  }
}

/// Waits for the test; false when it is gone.
@discardableResult
func awaitWord() -> Bool { readLine() != nil }

/// Ends this process with the one that started it: nobody else would.
func dieWithTheTest() {
  _ = Thread {
    var byte: UInt8 = 0
    // Ends: with the test.
    while unsafe read(0, &byte, 1) > 0 || errno == EINTR {}
    _exit(75)
  }
}

/// The arguments behind the part's name: `key=value`, all of them optional.
struct Plan {
  private let words: [String: String]

  init(_ arguments: [String]) {
    words = Dictionary(
      arguments.map { argument in
        let halves = argument.split(separator: "=", maxSplits: 1).map(String.init)
        return (halves[0], halves.count > 1 ? halves[1] : "")
      }, uniquingKeysWith: { _, last in last })
  }

  var bus: String { words["bus"] ?? "" }
  var seed: Seed { Seed(words["seed"].flatMap(UInt64.init) ?? 1) }
  var diary: Diary { get throws { try Diary(path: text("diary")) } }
  func text(_ key: String, _ fallback: String = "") -> String { words[key] ?? fallback }
  func number(_ key: String, _ fallback: Int = 0) -> Int {
    words[key].flatMap(Int.init) ?? fallback
  }
}

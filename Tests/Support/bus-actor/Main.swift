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

/// Writes a line at once: whatever a killed process said, it had done.
func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = unsafe write(1, bytes, bytes.count)
}

/// Waits for the test; false when it is gone.
@discardableResult
func awaitWord() -> Bool { readLine() != nil }

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
  func text(_ key: String, _ fallback: String = "") -> String { words[key] ?? fallback }
  func number(_ key: String, _ fallback: Int = 0) -> Int {
    words[key].flatMap(Int.init) ?? fallback
  }
}

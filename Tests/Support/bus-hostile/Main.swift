import Glibc
import TestSupport

/// One process writes garbage over everything it may, and all others must stay memory-safe:
///
///     bus-hostile --seconds 60 [--seed S] [--rights subscriber|publisher] [--round N] [--talk yes]
///
/// An assault is a row of rounds, each on a bus of its own: publishers, readers, members, and the tools, run
/// beside a vandal that has the control segment mapped (a subscriber's rights), or the partition segments too (a
/// publisher's). What it writes follows from the seed and the round's number. Ends with 1 at the first round in
/// which a process crashed or hung.
///
/// `bus-hostile vandal ...` and `bus-hostile endure ...` are the processes that it starts.
@main
enum Main {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    do {
      switch arguments.first {
      case "vandal":
        var vandal = try Vandal(Words(arguments.dropFirst()))
        vandal.rage()
      case "endure": try Endurer(Words(arguments.dropFirst())).endure()
      default:
        let words = Words(arguments)
        try Assault.check(words)
        exit(try Assault(words).run())
      }
    } catch {
      say("bus-hostile: \(error)")
      exit(64)
    }
  }
}

/// Arguments in pairs: `--name value`.
struct Words {
  private var values: [String: String] = [:]

  init(_ arguments: ArraySlice<String>) {
    var rest = arguments
    while let name = rest.popFirst() { values[name] = rest.popFirst() ?? "" }
  }

  /// What stands where names do, with its dashes.
  var names: [String] { values.keys.sorted() }

  func text(_ name: String, _ standard: String = "") -> String { values["--" + name] ?? standard }

  func number(_ name: String, _ standard: Int = 0) -> Int {
    values["--" + name].flatMap(Int.init) ?? standard
  }

  func seed() -> UInt64 { values["--seed"].flatMap(UInt64.init) ?? .random(in: 0 ... .max) }
}

/// Who the vandal could be, by what the kernel lets it write.
enum Rights: String, CaseIterable {
  case subscriber
  case publisher
}

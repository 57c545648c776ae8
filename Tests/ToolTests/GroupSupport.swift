import Testing
import ToolSupport

/// A bus with groups, as the tools show it.
extension Space {
  /// Publishes numbered lines under their numbers as keys.
  func publishNumbers(_ numbers: Range<Int>, to bus: String = "bus") {
    let lines = numbers.map { "\($0)=\($0)\n" }.joined()
    #expect(shmctl("publish", bus, "-k", "=", input: Array(lines.utf8)).code == 0)
  }

  /// The groups of a bus by their names, those of a broadcast with their members'.
  func groups(of bus: String = "bus") throws -> [String: JSON] {
    let run = shmctl("groups", bus, "--json")
    #expect(run.code == 0)
    let list = try JSON.reading(run.output)["groups"]?.elements ?? []
    var groups: [String: JSON] = [:]
    for group in list {
      guard case .string(let name)? = group["name"] else { continue }
      if case .string(let member)? = group["member"] {
        groups["\(name)/\(member)"] = group
      } else {
        groups[name] = group
      }
    }
    return groups
  }

  /// How many endpoints of a role `stat` shows.
  func endpoints(_ role: String, on bus: String) throws -> Int {
    let status = try JSON.reading(shmctl("stat", bus, "--json").output)
    return status["endpoints"]?.elements.count { $0["role"] == .string(role) } ?? 0
  }

  /// How many partitions each living member owns, ascending.
  func shares(_ group: String, of bus: String = "bus") throws -> [Int] {
    (try groups(of: bus)[group]?["members"]?.elements ?? [])
      .filter { $0["state"] == .string("alive") }
      .map { $0["partitions"]?.elements.count ?? 0 }.sorted()
  }

  func sum(_ field: String, of group: String, on bus: String = "bus") throws -> Int {
    let partitions = try groups(of: bus)[group]?["partitions"]?.elements ?? []
    return partitions.reduce(0) { $0 + Int($1[field]?.double ?? 0) }
  }
}

extension Run {
  /// The numbers that it has printed.
  var numbers: [Int] { lines.compactMap { Int($0) } }
}

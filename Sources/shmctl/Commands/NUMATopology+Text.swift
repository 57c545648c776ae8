import ShmBus
import ToolSupport

extension NUMATopology {
  var json: JSON {
    .fields([
      "known": .bool(isKnown),
      "nodes": .array(
        nodes.map { node in
          .fields([
            "node": .integer(node.number), "cpus": .array(node.cpus.map { .integer($0) }),
            "memoryBytes": .integer(node.memoryBytes), "freeBytes": .integer(node.freeBytes),
            "allowed": allowed.map { .bool($0.contains(node.number)) } ?? .null,
            "auto": .bool(isKnown && placeable.contains(node)),
            "distances": .array(
              node.distances.sorted { $0.key < $1.key }.map {
                .fields(["node": .integer($0.key), "distance": .integer($0.value)])
              }),
          ])
        }),
      "hugePages": HugePages.host().json,
    ])
  }

  var text: String {
    var lines = ["NODE          MEMORY            FREE  AUTO  CPUS"]
    lines += nodes.map { node in
      "\(node.number)".right(4) + Numbers.bytes(node.memoryBytes).right(16)
        + Numbers.bytes(node.freeBytes).right(16)
        + (isKnown && placeable.contains(node) ? "yes" : "no").right(6)
        + "  " + (node.cpus.isEmpty ? "none" : Self.ranges(node.cpus))
        + (allowed?.contains(node.number) == false
          ? "  (this process may not take its memory)" : "")
    }
    lines += [""] + distances
    lines.append("Huge pages for shared memory: \(HugePages.host().sentence).")
    return lines.joined(separator: "\n") + "\n"
  }

  private var distances: [String] {
    guard isKnown else {
      return ["The kernel tells of no NUMA nodes: node 0 stands for the whole host."]
    }
    guard nodes.count > 1 else { return ["One node: every CPU is near all memory."] }
    let numbers = nodes.map(\.number)
    return ["DISTANCE" + numbers.map { "\($0)".right(6) }.joined()]
      + nodes.map { node in
        "\(node.number)".right(8)
          + numbers.map { (node.distances[$0].map { "\($0)" } ?? "?").right(6) }.joined()
      }
  }

  /// `0-3,8`, as the kernel writes it.
  static func ranges(_ numbers: [Int]) -> String {
    var parts: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = parts.last, last.upperBound + 1 == number {
        parts[parts.count - 1] = last.lowerBound...number
      } else {
        parts.append(number...number)
      }
    }
    return parts.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}

extension HugePages {
  var json: JSON {
    .fields([
      "given": .bool(areGiven), "mount": .string(mount),
      "shmemEnabled": knob.map { .string($0) } ?? .null, "sentence": .string(sentence),
    ])
  }
}

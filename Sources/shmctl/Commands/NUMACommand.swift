import Arguments
import ShmBus
import ToolSupport

/// `shmctl numa`.
enum NUMACommand {
  private static let name = Argument(
    "NAME", optional: .string.completed(by: .lines(of: "shmctl list --names")),
    help: "A bus: where each of its partitions lies now, page by page.")

  static let command = Command(
    "numa", summary: "Show the NUMA nodes of this host, as a bus sees them, or where a bus lies.",
    discussion: """
      A node is a part of the memory and the CPUs near it. 'shmctl create --numa' places each \
      partition on one. 'auto' spreads them over the nodes marked so: those with memory that this \
      process may take, and CPUs.
      """,
    under: Heading.buses, arguments: [name], options: [Shmctl.keyFile, Shmctl.json],
    examples: [
      Example("The host.", "shmctl numa"), Example("One bus.", "shmctl numa orders"),
    ]
  ) { parsed in
    if let name = parsed[name] {
      let report = BusNodes(name, try Shmctl.openBus(name, parsed).residence())
      try Program.print(parsed[Shmctl.json] ? report.json.text + "\n" : report.text)
    } else {
      let host = NUMATopology.host()
      try Program.print(parsed[Shmctl.json] ? host.json.text + "\n" : host.text)
    }
    return 0
  }
}

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

/// Where a bus's partitions lie.
struct BusNodes {
  private let name: String
  private let partitions: [Residence]

  init(_ name: String, _ partitions: [Residence]) {
    self.name = name
    self.partitions = partitions
  }

  var json: JSON {
    .fields([
      "name": .string(name),
      "partitions": .array(
        partitions.map { found in
          .fields([
            "partition": .integer(found.partition), "placement": found.placement.json,
            "pages": found.pages.map { pages in
              .array(
                pages.sorted { $0.key < $1.key }.map {
                  .fields(["node": .integer($0.key), "pages": .integer($0.value)])
                })
            } ?? .null,
          ])
        }),
    ])
  }

  var text: String {
    var lines = ["PARTITION  ASKED FOR  WHEN MADE   NOW"]
    lines += partitions.map { found in
      let now = found.pages.map { pages in
        pages.sorted { $0.key < $1.key }
          .map { "\(Numbers.grouped(UInt64($0.value))) pages on node \($0.key)" }
          .joined(separator: ", ")
      }
      return "\(found.partition)".right(9) + "  "
        + (found.placement.node.map { "node \($0)" } ?? "nothing").left(9) + "  "
        + found.placement.state.rawValue.left(10) + "  " + (now ?? "the kernel does not say")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Placement {
  var json: JSON {
    .fields([
      "node": node.map { .integer($0) } ?? .null, "bound": .bool(isBound),
      "state": .string(state.rawValue), "hugePages": .integer(hugePages),
    ])
  }

  /// For a table.
  var word: String {
    guard let node else { return "any" }
    switch state {
    case .unasked: return "any"
    case .verified: return "\(node)"
    case .elsewhere: return "not \(node)"
    case .unknown: return "\(node)?"
    }
  }
}

extension NUMAPolicy {
  /// As `--numa` takes it.
  var word: String {
    switch self {
    case .none: "none"
    case .auto: "auto"
    case .nodes(let nodes): nodes.map(String.init).joined(separator: ",")
    }
  }
}

extension Form where Value == NUMAPolicy {
  /// `auto`, `none`, or nodes.
  static var nodes: Form {
    Form(
      "auto|none|LIST", accepting: "auto, none, or node numbers such as 0,1",
      completion: .words(["auto", "none"]), show: { $0.word },
      read: { text in
        if text == "auto" { return .auto }
        if text == "none" { return NUMAPolicy.none }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let nodes = parts.compactMap { part in
          part.allSatisfy { ("0"..."9").contains($0) } ? Int(part) : nil
        }
        return nodes.count == parts.count ? .nodes(nodes) : nil
      })
  }
}

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

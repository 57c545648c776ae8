import Arguments
import ShmBus
import ToolSupport

/// `shmctl plan`.
enum PlanCommand {
  private static let geometry = Geometry()

  static let command = Command(
    "plan", summary: "Compute what a bus would take, without creating it.",
    discussion:
      "Takes the options of 'shmctl create' and prints bytes per segment and descriptors.",
    under: Heading.buses, options: geometry.all + [Shmctl.json],
    examples: [
      Example("How much is a million slots?", "shmctl plan --slots 1048576 --slot-size 128")
    ]
  ) { parsed in
    let configuration = try geometry.configuration(parsed)
    let nodes = try configuration.numa.nodes(on: NUMATopology.host)
    let plan = Plan(configuration, nodes: nodes)
    try Program.print(parsed[Shmctl.json] ? plan.json.text + "\n" : plan.text)
    return 0
  }
}

/// What a configuration takes.
struct Plan {
  let configuration: BusConfiguration
  /// The NUMA nodes that partitions would go to in turn; none for wherever the kernel puts them.
  let nodes: [Int]

  init(_ configuration: BusConfiguration, nodes: [Int]) {
    self.configuration = configuration
    self.nodes = nodes
  }

  /// Files that a process holds open per endpoint: the control segment for the bus and for its own lock.
  /// Partitions in memory are mapped and closed again; files stay open to be synced.
  private var descriptors: Int { 2 + (configuration.storage == nil ? 0 : configuration.partitions) }

  var json: JSON {
    .fields([
      "controlBytes": .integer(configuration.controlBytes),
      "partitionBytes": .integer(configuration.partitionBytes),
      "totalBytes": .integer(configuration.totalBytes),
      "grownBytes": .integer(grownBytes), "segments": .integer(configuration.partitions + 1),
      "descriptors": .integer(descriptors), "configuration": configuration.json,
      "nodes": .array(
        nodes.isEmpty
          ? []
          : (0..<configuration.partitions).map { .integer(nodes[$0 % nodes.count]) }),
      "hugePages": HugePages.host().json,
    ])
  }

  var text: String {
    let partitions = configuration.partitions
    var lines = [
      "A bus of \(configuration.sentence):",
      row("control segment", Numbers.bytes(configuration.controlBytes)),
      row("each partition", Numbers.bytes(configuration.partitionBytes)),
      row("in all", "\(Numbers.bytes(configuration.totalBytes)) in \(partitions + 1) segments"),
    ]
    if let storage = configuration.storage {
      lines.append(
        row(
          "in files",
          "\(Numbers.bytes(configuration.totalBytes - configuration.controlBytes)) in \(storage)"))
    }
    if configuration.maxPartitions > partitions {
      lines.append(
        row(
          "when grown",
          "\(Numbers.bytes(grownBytes)) with all \(configuration.maxPartitions) partitions"))
    }
    lines += [
      row("largest message", Numbers.bytes(configuration.largestMessage) + ", key included"),
      row("descriptors", "\(descriptors) for each process and endpoint"),
    ]
    if configuration.numa != .none { lines.append(row("NUMA nodes", placement)) }
    lines.append(row("huge pages", hugePages))
    return lines.joined(separator: "\n") + "\n"
  }

  private var placement: String {
    guard !nodes.isEmpty else { return "the kernel offers none to choose from" }
    let places = (0..<configuration.partitions).map { "\($0) on \(nodes[$0 % nodes.count])" }
    return "partition " + places.joined(separator: ", ")
  }

  private var hugePages: String {
    let offer = HugePages.host()
    return (configuration.hugePages ? "" : "not asked for (--huge-pages); ") + offer.sentence
  }

  private var grownBytes: Int {
    configuration.controlBytes + configuration.maxPartitions * configuration.partitionBytes
  }

  private func row(_ name: String, _ value: String) -> String { "  \(name.left(18))\(value)" }
}

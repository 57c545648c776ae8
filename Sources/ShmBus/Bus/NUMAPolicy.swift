/// On which NUMA nodes the memory of a bus's partitions is to lie.
///
/// It is a wish: a node without room gives way to the nearest one, and what came of it is checked and
/// told (``Placement``).
public enum NUMAPolicy: Sendable, Equatable {
  /// Wherever the kernel puts it: mostly on the node of the CPU that creates the bus.
  case none
  /// Partitions in turn over all nodes with memory and CPUs that the creator may use.
  case auto
  /// Partition 0 on the first of these nodes, and so on, in turn.
  case nodes([Int])

  /// As the control header keeps it.
  var code: UInt32 {
    switch self {
    case .none: 0
    case .auto: 1
    case .nodes: 2
    }
  }

  /// What a control segment says, given the node of each partition that the bus may ever have.
  init(code: UInt32, nodes: [Int?]) {
    switch code {
    case 1: self = .auto
    case 2: self = .nodes(Self.period(of: nodes.map { $0 ?? 0 }))
    default: self = .none
    }
  }

  /// The shortest list that gives all of these when taken in turn.
  private static func period(of nodes: [Int]) -> [Int] {
    let length = nodes.indices.dropFirst().first { length in
      nodes.indices.allSatisfy { nodes[$0] == nodes[$0 % length] }
    }
    return Array(nodes.prefix(length ?? nodes.count))
  }

  func validate(maxPartitions: Int) throws(BusError) {
    guard case .nodes(let nodes) = self else { return }
    guard !nodes.isEmpty, nodes.allSatisfy({ (0..<1024).contains($0) }) else {
      throw BusError(
        .usage, "numa must name at least one node, each by a number from 0 to 1,023")
    }
    guard nodes.count <= maxPartitions else {
      throw BusError(
        .usage,
        "numa names \(nodes.count) nodes, and the bus can have \(maxPartitions) partitions at most; name "
          + "as many or fewer")
    }
  }

  /// The nodes that partitions take in turn on a host; none means to leave it to the kernel.
  ///
  /// - Throws: ``BusError`` `.cannotCreate` for a node that the host has not, or that has no memory.
  public func nodes(on host: () -> NUMATopology) throws(BusError) -> [Int] {
    switch self {
    case .none: return []
    case .auto:
      let host = host()
      return host.isKnown ? host.placeable.map(\.number) : []
    case .nodes(let wanted):
      let host = host()
      let there = host.nodes.filter { $0.memoryBytes > 0 }.map(\.number)
      for node in wanted where !there.contains(node) {
        let names = there.map(String.init).joined(separator: ", ")
        throw BusError(
          .cannotCreate,
          "no memory of this host is on NUMA node \(node); nodes with memory: \(names) "
            + "('shmctl numa' shows them)")
      }
      return wanted
    }
  }
}

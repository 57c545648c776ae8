import ShmBus
import ToolSupport

/// What a new bus or new partitions have to say of where they lie: nothing where nothing was asked.
struct PlacementText {
  private let bus: Bus
  private let partitions: Range<Int>

  init(_ bus: Bus, _ partitions: Range<Int>) {
    self.bus = bus
    self.partitions = partitions
  }

  /// Whole lines.
  var text: String {
    let found = (try? bus.placements()) ?? []
    var lines: [String] = []
    if bus.configuration.numa != .none { lines += nodes(found) }
    if bus.configuration.hugePages { lines.append(hugePages(found)) }
    return lines.map { $0 + "\n" }.joined()
  }

  private func nodes(_ found: [Placement]) -> [String] {
    let mine = partitions.filter(found.indices.contains)
    let placed = mine.filter { found[$0].state == .verified }.map { partition in
      "partition \(partition) on node \(found[partition].node.map(String.init) ?? "?")"
    }
    var lines: [String] = []
    if !placed.isEmpty { lines.append("Memory: \(placed.joined(separator: ", ")), verified.") }
    lines += mine.compactMap { partition in
      found[partition].complaint.map { "Partition \(partition) \($0)." }
    }
    if mine.contains(where: { found[$0].state == .unasked }) {
      lines.append("The kernel offers no NUMA nodes to choose from: memory is wherever it puts it.")
    }
    return lines
  }

  private func hugePages(_ found: [Placement]) -> String {
    let count = partitions.filter(found.indices.contains).reduce(0) { $0 + found[$1].hugePages }
    return count > 0
      ? "Huge pages: \(count), 2 MiB each."
      : "Huge pages: none; \(HugePages.host().sentence)."
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

/// A part of the host's memory, and the CPUs that are near it.
public struct NUMANode: Sendable, Equatable {
  /// The kernel's number; numbers may have gaps.
  public let number: Int
  /// Its CPUs that are online, ascending. None for a node of memory alone.
  public let cpus: [Int]
  /// Bytes of memory; 0 for a node of CPUs alone.
  public let memoryBytes: Int
  /// Bytes of them that nobody uses now.
  public let freeBytes: Int
  /// How far the online nodes are by number, itself among them: 10 is itself, more is slower. Empty
  /// where the kernel does not say.
  public let distances: [Int: Int]
}

/// All nodes of a host, as the kernel tells of them now.
public struct NUMATopology: Sendable, Equatable {
  /// The nodes that are online, ascending; never empty.
  public let nodes: [NUMANode]
  /// False where the kernel tells of no nodes, being built without NUMA or hiding `/sys`: node 0
  /// stands for the whole host then.
  public let isKnown: Bool
  /// The nodes that this process's cpuset lets it allocate from; nil where the kernel does not say.
  public let allowed: Set<Int>?

  /// This host, seen from the calling thread. Costs some file reads.
  public static func host() -> NUMATopology {
    NUMATopology(
      devices: "/sys/devices/system", meminfo: "/proc/meminfo", allowed: NodeMemory.allowedNodes)
  }

  init(nodes: [NUMANode], isKnown: Bool, allowed: Set<Int>?) {
    self.nodes = nodes
    self.isKnown = isKnown
    self.allowed = allowed
  }

  /// Reads the tree under `devices`, which is `/sys/devices/system` or has its shape.
  init(devices: String, meminfo: String, allowed: Set<Int>?) {
    let online = Self.numbers(at: devices + "/node/online") ?? []
    let nodes =
      online.isEmpty
      ? [Self.wholeHost(devices, meminfo)]
      : online.map { Self.node($0, online, devices + "/node/node\($0)") }
    self.init(nodes: nodes, isKnown: !online.isEmpty, allowed: allowed)
  }

  /// The node with this number.
  public func node(_ number: Int) -> NUMANode? { nodes.first { $0.number == number } }

  /// Nodes whose memory this process may take, and which have CPUs of their own, if any has both:
  /// what `auto` spreads partitions over.
  public var placeable: [NUMANode] {
    let open = nodes.filter { $0.memoryBytes > 0 && allowed?.contains($0.number) != false }
    let near = open.filter { !$0.cpus.isEmpty }
    return near.isEmpty ? open : near
  }

  /// The node that all of these CPUs belong to; nil when there is none, or only one node in all.
  public func home(of cpus: [Int]) -> Int? {
    guard nodes.count > 1, !cpus.isEmpty else { return nil }
    return nodes.first { Set($0.cpus).isSuperset(of: cpus) }?.number
  }

  // ------------------------------------------------------------------------------ the kernel's files

  private static func node(_ number: Int, _ online: [Int], _ folder: String) -> NUMANode {
    // In the order of the online nodes; one that says otherwise is not believed.
    let steps = words(at: folder + "/distance").compactMap { Int($0) }
    let distances =
      steps.count == online.count ? Dictionary(uniqueKeysWithValues: zip(online, steps)) : [:]
    return NUMANode(
      number: number, cpus: numbers(at: folder + "/cpulist") ?? [],
      memoryBytes: memory("MemTotal:", at: folder + "/meminfo"),
      freeBytes: memory("MemFree:", at: folder + "/meminfo"), distances: distances)
  }

  private static func wholeHost(_ devices: String, _ meminfo: String) -> NUMANode {
    NUMANode(
      number: 0, cpus: numbers(at: devices + "/cpu/online") ?? [],
      memoryBytes: memory("MemTotal:", at: meminfo), freeBytes: memory("MemFree:", at: meminfo),
      distances: [:])
  }

  /// A list as the kernel writes it, such as `0-3,8`; nil where there is none that can be.
  static func numbers(at path: String) -> [Int]? {
    guard let text = try? KernelFile.text(at: path) else { return nil }
    return numbers(in: text)
  }

  static func numbers(in text: String) -> [Int]? {
    var found: [Int] = []
    for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
        0 <= first, first <= last, last < 65_536
      else { return nil }
      found += first...last
    }
    return found
  }

  /// A line such as `Node 0 MemTotal: 1024 kB`, in bytes; 0 where there is none.
  private static func memory(_ name: String, at path: String) -> Int {
    let words = words(at: path)
    guard let place = words.firstIndex(of: name), place + 1 < words.count,
      let kilobytes = Int(words[place + 1]), kilobytes >= 0
    else { return 0 }
    return kilobytes.multipliedReportingOverflow(by: 1024).partialValue
  }

  private static func words(at path: String) -> [String] {
    let text = (try? KernelFile.text(at: path)) ?? ""
    return text.split(whereSeparator: \.isWhitespace).map { String($0) }
  }
}

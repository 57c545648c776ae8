/// Where one partition's memory was to lie, and what was found when it had been made.
public struct Placement: Sendable, Equatable {
  /// How a wish for a node ended.
  public enum State: String, Sendable {
    /// No node was asked for.
    case unasked
    /// Every page lay on the node.
    case verified
    /// Some page did not: the node was short of memory, or it was refused.
    case elsewhere
    /// The kernel did not say.
    case unknown
  }

  /// The node asked for; nil for none.
  public let node: Int?
  /// Whether the kernel took the wish; false under a seccomp filter or cpuset that forbids it.
  public let isBound: Bool
  /// How it ended.
  public let state: State
  /// How many huge pages it got.
  public let hugePages: Int
}

/// The memory of a new partition segment, and what became of the wishes for it.
///
/// ```
///   promise ─ map ─ prefer the node, ask for huge pages ─ allocate ─ look where it lies
/// ```
/// The pages are made last: what is said of pages that are there already comes too late.
struct PlacedMemory: ~Copyable {
  let mapping: Mapping
  let isBound: Bool
  private let byteCount: Int
  private let node: Int?
  private let hugePages: Bool

  /// What is asked for.
  struct Wish {
    var node: Int?
    var hugePages = false
    var populated = false
  }

  init(
    _ memory: borrowing SharedMemory, byteCount: Int, _ wish: Wish
  ) throws(SystemError) {
    self.byteCount = byteCount
    node = wish.node
    hugePages = wish.hugePages
    var bound = false
    if wish.node == nil, !wish.hugePages {
      mapping = try Self.plain(memory, byteCount, populated: wish.populated)
    } else {
      mapping = try Self.wished(memory, byteCount, wish, &bound)
    }
    isBound = bound
  }

  private static func plain(
    _ memory: borrowing SharedMemory, _ byteCount: Int, populated: Bool
  ) throws(SystemError) -> Mapping {
    try memory.allocate(byteCount: byteCount)
    if populated { try memory.clear(byteCount: byteCount) }
    return try Mapping(memory.descriptor, byteCount: byteCount, writable: true, populate: false)
  }

  private static func wished(
    _ memory: borrowing SharedMemory, _ byteCount: Int, _ wish: Wish, _ bound: inout Bool
  ) throws(SystemError) -> Mapping {
    try memory.promise(byteCount: byteCount)
    let mapping = try Mapping(
      memory.descriptor, byteCount: byteCount, writable: true, populate: false,
      alignment: wish.hugePages ? HugePages.alignment : 0)
    // A refusal is no failure: the bus works, and tells.
    if let node = wish.node { bound = (try? mapping.prefer(node: node)) != nil }
    if wish.hugePages, mapping.advise(huge: true) {
      // Allocating asks nobody for huge pages, only touching does. What is short, allocating tells.
      _ = try? mapping.populate()
    }
    try memory.allocate(byteCount: byteCount)
    if wish.populated { _ = try? mapping.populate() }
    return mapping
  }

  /// The values of the partition row's `placement`.
  enum Code {
    static let unknown: UInt32 = 0
    static let verified: UInt32 = 1
    static let elsewhere: UInt32 = 2
  }

  /// What is found now.
  var code: UInt32 {
    guard let node, let census = try? mapping.census(first: byteCount) else { return Code.unknown }
    if census.isAll(on: node) { return Code.verified }
    return census.unknown == census.total ? Code.unknown : Code.elsewhere
  }

  /// How many huge pages it got.
  var hugePageCount: Int {
    hugePages ? mapping.hugeBytes(first: byteCount) / HugePages.alignment : 0
  }
}

extension ControlMap.PartitionRow {
  /// The node asked for. Constant while the bus lives, for partitions that may come, too.
  var node: Int? {
    let node = unsafe fields.pointee.node
    return node < 1024 ? Int(node) : nil
  }

  /// The node that all of the partition's memory lay on when it was made.
  var verifiedNode: Int? {
    unsafe fields.pointee.placement == PlacedMemory.Code.verified ? node : nil
  }

  func placement(isBound: Bool) -> Placement {
    let state: Placement.State =
      switch unsafe fields.pointee.placement {
      case _ where node == nil: .unasked
      case PlacedMemory.Code.verified: .verified
      case PlacedMemory.Code.elsewhere: .elsewhere
      default: .unknown
      }
    return Placement(
      node: node, isBound: isBound, state: state, hugePages: Int(unsafe fields.pointee.huge_pages))
  }
}

extension Placement {
  /// What is worth a word: where the memory was to be and is not, or may not be. Nil when all is as
  /// it was asked for.
  public var complaint: String? {
    guard let node else { return nil }
    switch state {
    case .unasked, .verified: return nil
    case .elsewhere:
      return isBound
        ? "was asked onto NUMA node \(node) and did not all fit there"
        : "was asked onto NUMA node \(node), which the kernel refused (a cpuset or seccomp filter)"
    case .unknown:
      return isBound
        ? "was asked onto NUMA node \(node), and the kernel does not say where it lies"
        : "was asked onto NUMA node \(node), and the kernel refuses to place memory, or to say where it "
          + "lies (no NUMA, or a seccomp filter)"
    }
  }
}

/// Where one partition is, and where it was to be.
public struct Residence: Sendable, Equatable {
  /// Its number.
  public let partition: Int
  /// What was asked for, and found when it was made.
  public let placement: Placement
  /// How many of its pages lie on each node now; nil where the kernel does not say.
  public let pages: [Int: Int]?
}

extension Bus {
  /// Where each partition was to lie, and was found when it was made.
  ///
  /// - Throws: ``BusError`` when a partition's segment cannot be read.
  public func placements() throws(BusError) -> [Placement] {
    var found: [Placement] = []
    for partition in 0..<partitions {
      let segment = try segment(partition, writable: false)
      found.append(map.partition(partition).placement(isBound: segment.boundNode != nil))
    }
    return found
  }

  /// Where each partition lies now. Asks the kernel about every page: some 0.1 us each.
  ///
  /// - Throws: ``BusError`` when a partition's segment cannot be read.
  public func residence() throws(BusError) -> [Residence] {
    var found: [Residence] = []
    for partition in 0..<partitions {
      let segment = try segment(partition, writable: false)
      let census = try? segment.mapping.census(
        first: configuration.partitionLayout.segmentBytes)
      found.append(
        Residence(
          partition: partition,
          placement: map.partition(partition).placement(isBound: segment.boundNode != nil),
          pages: census?.pages))
    }
    return found
  }
}

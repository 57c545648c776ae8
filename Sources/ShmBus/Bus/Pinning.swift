/// What became of a wish to run near a partition. Nothing of it is an error: where a thread cannot be
/// pinned, everything works from where it is.
public enum Pinning: Sendable, Equatable {
  /// Nobody asked.
  case unasked
  /// The thread that attached runs on these CPUs only: those of the node that it might use before.
  /// It stays so when the endpoint is gone.
  case pinned(node: Int, cpus: [Int])
  /// It runs where it did, and why.
  case unpinned(reason: String)
}

extension Bus {
  /// Keeps the calling thread near a partition's memory.
  func pin(
    near partition: Int?, on host: @autoclosure () -> NUMATopology = .host()
  ) throws(BusError) -> Pinning {
    guard let partition else { return .unasked }
    _ = try checked([partition])
    // Not before: reading the host's nodes takes a millisecond.
    let host = host()
    guard host.nodes.count > 1 else {
      return .unpinned(
        reason: host.isKnown
          ? "the host has one NUMA node, and every CPU is near"
          : "the kernel tells of no NUMA nodes")
    }
    guard let node = try node(of: partition) else {
      return .unpinned(reason: "the kernel does not say where partition \(partition) lies")
    }
    do throws(SystemError) {
      let allowed = Set(try Affinity.allowed())
      let cpus = (host.node(node)?.cpus ?? []).filter(allowed.contains)
      guard !cpus.isEmpty else {
        return .unpinned(reason: "this thread may not run on any CPU of NUMA node \(node)")
      }
      try Affinity.pin(to: cpus)
      return .pinned(node: node, cpus: cpus)
    } catch { return .unpinned(reason: "\(error)") }
  }

  /// The node a partition lies on: as it was found when it was made, or where most of it is now.
  private func node(of partition: Int) throws(BusError) -> Int? {
    if let node = map.partition(partition).verifiedNode { return node }
    let segment = try segment(partition, writable: false)
    let census = try? segment.mapping.census(
      first: configuration.partitionLayout.segmentBytes, pages: 256)
    return census?.mostly
  }

  /// The node whose CPUs alone the calling thread may use, whoever saw to that. Only asked where
  /// partitions have nodes: nobody chooses by it elsewhere.
  var homeNode: Int? {
    guard configuration.numa != .none, let cpus = try? Affinity.allowed() else { return nil }
    return NUMATopology.host().home(of: cpus)
  }
}

extension ControlMap {
  /// The node of each partition, where all of its memory lay when it was made. Constant for a
  /// partition that exists, so that all who compute with it compute the same.
  var partitionNodes: [Int?] { (0..<partitions).map { partition($0).verifiedNode } }
}

import CShmBus
import Glibc

/// On which nodes pages of memory lie.
struct PageCensus: Equatable, Sendable {
  /// How many lie on each node.
  var pages: [Int: Int] = [:]
  /// Those that nobody could say anything of.
  var unknown = 0

  /// How many were looked at.
  var total: Int { pages.values.reduce(unknown, +) }

  /// The node that most lie on; nil when none is known.
  var mostly: Int? { pages.max { ($0.value, -$0.key) < ($1.value, -$1.key) }?.key }

  /// Whether all lie on one node. Never of none.
  func isAll(on node: Int) -> Bool { total > 0 && pages[node] == total }
}

/// Which nodes this process may take memory from.
enum NodeMemory {
  /// By its cpuset; nil where the kernel does not say.
  static var allowedNodes: Set<Int>? {
    var mask = [UInt64](repeating: 0, count: Int(SHMBUS_NODE_WORDS))
    guard unsafe shmbus_allowed_nodes(&mask) == 0 else { return nil }
    return Set((0..<mask.count * 64).filter { mask[$0 / 64] & (1 << ($0 % 64)) != 0 })
  }
}

extension Mapping {
  /// Asks that what is allocated of it from now on lies on `node`, or near it when that is full
  /// (docs/decisions/0018). The shared-memory object keeps it, for whoever allocates.
  ///
  /// Fails with `ENOSYS` in a kernel without NUMA, `EPERM` under a seccomp filter, `EINVAL` for a
  /// node that is not there or not allowed.
  func prefer(node: Int) throws(SystemError) {
    let code = unsafe shmbus_prefer_node(base, byteCount, UInt32(clamping: node))
    try SystemError.check(code, "mbind", "\(byteCount) bytes to node \(node)")
  }

  /// Maps every page of it, so that no access faults later. Changes no byte. What is mapped only
  /// for reading, it maps for reading.
  func populate() throws(SystemError) {
    let code = unsafe shmbus_populate(base, byteCount, isWritable ? 1 : 0)
    if code == 0 { return }
    guard code == EINVAL || code == ENOSYS || code == EPERM else {
      throw SystemError(call: "madvise", subject: "\(byteCount) bytes", code: code)
    }
    // Linux before 5.14.
    for page in stride(from: 0, to: byteCount, by: PageCensus.pageSize) {
      _ = unsafe SharedWord(base, at: page).loadRelaxed()
    }
  }

  /// Where `pages` of its pages lie, evenly chosen; nil means all of its first `count` bytes. They
  /// are touched: the kernel says nothing of a page that is not mapped here.
  func census(first count: Int, pages: Int? = nil) throws(SystemError) -> PageCensus {
    let all = min(count, byteCount) / PageCensus.pageSize
    let step = max(1, all / max(1, pages ?? all))
    var census = PageCensus()
    var places = Array(stride(from: 0, to: all, by: step))[...]
    // Ends: each turn takes some away.
    while !places.isEmpty {
      let chunk = places.prefix(4096)
      places = places.dropFirst(4096)
      let addresses = unsafe chunk.map { place -> UnsafeMutableRawPointer? in
        let address = unsafe base + place * PageCensus.pageSize
        _ = unsafe SharedWord(address, at: 0).loadRelaxed()
        return unsafe address
      }
      var nodes = [Int32](repeating: 0, count: chunk.count)
      let code = unsafe shmbus_page_nodes(addresses, addresses.count, &nodes)
      try SystemError.check(code, "move_pages", "\(chunk.count) pages")
      for node in nodes {
        if node < 0 { census.unknown += 1 } else { census.pages[Int(node), default: 0] += 1 }
      }
    }
    return census
  }
}

extension PageCensus {
  static let pageSize = Int(getpagesize())
}

/// Decides who of a group's members owns which partition.
///
/// It is a pure function of the membership, so that every member computes the same without talking
/// to the others. All members of a group must use the same; who joins with another is refused.
///
/// With `P` partitions and `n` members ``sticky``, ``range`` and ``roundRobin`` give each member `P
/// / n` partitions, or one more: never less, never more. With more members than partitions some own
/// none.
public enum Assignor: Sendable {
  /// Few partitions move when a member comes or goes: the default. A member that is kept on a NUMA
  /// node gets partitions of that node first, as far as its share goes.
  case sticky
  /// Each member a run of neighbouring partitions.
  case range
  /// In turn: partition `p` goes to member `p mod n`.
  case roundRobin
  /// Everything to everybody: each member reads all partitions, with heads of its own.
  case broadcast
  /// Your own: for each partition, in order, the index of its owner in `members`.
  ///
  /// It gets the members in the same order in every process. It must be pure, and the same in every
  /// member: that cannot be checked, and where two members disagree a partition may stay without an
  /// owner. A result of the wrong length, or with an index out of range, traps.
  case custom(@Sendable (_ members: [GroupMember], _ partitions: Int) -> [Int])

  /// The number under which a group's row keeps it.
  package var code: UInt32 {
    switch self {
    case .sticky: 0
    case .range: 1
    case .roundRobin: 2
    case .broadcast: 3
    case .custom: 4
    }
  }

  /// What errors, tools and options call it.
  public var name: String { Self.name(ofCode: code) ?? "unknown" }

  /// The name for a number found in a group's row; nil for a number that means nothing.
  package static func name(ofCode code: UInt32) -> String? {
    let names = ["sticky", "range", "round-robin", "broadcast", "custom"]
    return code < names.count ? names[Int(code)] : nil
  }

  /// The partitions that are a member's, ascending. None for one that is not among the members.
  ///
  /// - Parameters:
  ///   - member: whose they are.
  ///   - members: all members, in any order, each once.
  ///   - partitions: how many partitions there are.
  ///   - nodes: the NUMA node of each; none where they have none.
  public func share(
    of member: GroupMember, among members: [GroupMember], partitions: Int, on nodes: [Int?] = []
  ) -> [Int] {
    guard let index = members.firstIndex(of: member) else { return [] }
    if case .broadcast = self { return Array(0..<partitions) }
    let owners = owners(of: partitions, among: members, on: nodes)
    return (0..<partitions).filter { owners[$0] == index }
  }

  /// For each partition the index of its owner in `members`, which may come in any order: that
  /// changes the indices, not the owners.
  ///
  /// - Parameters:
  ///   - partitions: how many partitions there are.
  ///   - members: all members, each once.
  ///   - nodes: the NUMA node of each partition; none where they have none.
  /// - Precondition: there is a member. ``broadcast`` shares nothing out: ask it for a member's
  ///   share.
  public func owners(
    of partitions: Int, among members: [GroupMember], on nodes: [Int?] = []
  ) -> [Int] {
    precondition(!members.isEmpty, "nobody can own a partition")
    let order = members.indices.sorted { members[$0] < members[$1] }
    let sorted = order.map { members[$0] }
    return places(sorted, partitions, nodes).map { order[$0] }
  }

  /// The same for members in their order.
  private func places(_ members: [GroupMember], _ partitions: Int, _ nodes: [Int?]) -> [Int] {
    switch self {
    case .sticky:
      return StickyShares(members, partitions: partitions, on: nodes).owners
    case .range:
      let (least, extra) = partitions.quotientAndRemainder(dividingBy: members.count)
      return members.indices.flatMap { Array(repeating: $0, count: $0 < extra ? least + 1 : least) }
    case .roundRobin:
      return (0..<partitions).map { $0 % members.count }
    case .broadcast:
      preconditionFailure("in a broadcast every member owns every partition")
    case .custom(let assign):
      let result = assign(members, partitions)
      precondition(
        result.count == partitions && result.allSatisfy(members.indices.contains),
        "an assignor must name one of \(members.count) members for each of \(partitions) partitions"
      )
      return result
    }
  }
}

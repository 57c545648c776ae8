/// One member of a group, as an ``Assignor`` sees it.
public struct GroupMember: Sendable, Hashable {
  /// Its row of the registry.
  public let row: UInt16
  /// The stamp of this use of the row.
  public let incarnation: UInt64
  /// A name of its own that outlives the process; nil for a member without one. The
  /// ``Assignor/sticky`` assignor knows a named member by its name, so that it gets its partitions
  /// again after a restart.
  public let name: String?

  /// The NUMA node that its thread was kept on when it attached, by `pinning`, `numactl` or the like;
  /// nil when it ran anywhere, or the bus's partitions have no nodes.
  public let node: Int?

  /// A member; an empty name counts as none.
  public init(row: UInt16, incarnation: UInt64, name: String? = nil, node: Int? = nil) {
    self.row = row
    self.incarnation = incarnation
    self.name = name == "" ? nil : name
    self.node = node
  }
}

/// The order in which all processes list the members: those without a name by row, then the named
/// by name.
extension GroupMember: Comparable {
  /// Whether `left` is listed before `right`.
  public static func < (left: GroupMember, right: GroupMember) -> Bool {
    let (first, second) = (left.name ?? "", right.name ?? "")
    guard first == second else {
      // By bytes: the order of Unicode may differ between versions of the standard library.
      return first.utf8.lexicographicallyPrecedes(second.utf8)
    }
    return (left.row, left.incarnation) < (right.row, right.incarnation)
  }
}

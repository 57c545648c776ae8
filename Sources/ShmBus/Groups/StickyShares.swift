/// Rendezvous hashing with bounded loads: the ``Assignor/sticky`` assignor.
///
/// Each member ranks all partitions by a hash of itself and the partition, whatever the others do.
/// In round k every member asks for the partition it ranks k-th; of several who ask for the same,
/// the highest hash gets it. A member that has its share gets no more. So an assignment is mostly
/// decided by what does not change when somebody else comes or goes; only what the bound on loads
/// displaces moves besides. Ranks instead of bare hashes spread the partitions more evenly before
/// the bound is felt, and so fewer move.
///
/// A member that is kept on a NUMA node ranks the partitions of that node before all others, and of
/// several who ask for the same, who is near it goes before who is not. Shares stay as large as they
/// are: who is near decides only which partitions, never how many.
///
/// It ends with every partition owned: one left over would mean that every member was refused it,
/// hence is full, hence that all partitions are owned.
struct StickyShares {
  /// For each partition the index of its owner.
  private(set) var owners: [Int]
  /// Partitions that every member gets.
  private let least: Int
  /// How many more members may get one more.
  private var extra: Int
  private var loads: [Int]

  /// One member's wish for one partition.
  private struct Wish {
    let isNear: Bool
    let weight: UInt64
    let partition: Int
    let member: Int

    /// Ties, which two hashes of 64 bits hardly ever make, fall to the first in order.
    static func isStronger(_ left: Wish, _ right: Wish) -> Bool {
      if left.isNear != right.isNear { return left.isNear }
      if left.weight != right.weight { return left.weight > right.weight }
      return (left.partition, left.member) < (right.partition, right.member)
    }
  }

  /// `members` in their order, at least one; `nodes` of the partitions, as far as they have any.
  init(_ members: [GroupMember], partitions: Int, on nodes: [Int?] = []) {
    owners = Array(repeating: -1, count: partitions)
    loads = Array(repeating: 0, count: members.count)
    (least, extra) = partitions.quotientAndRemainder(dividingBy: members.count)
    let wishes = members.indices.map { member in
      let identity = Self.identity(of: member, in: members)
      return (0..<partitions).map { partition in
        let node = partition < nodes.count ? nodes[partition] : nil
        return Wish(
          isNear: node != nil && node == members[member].node,
          weight: Self.mix(identity ^ Self.mix(UInt64(partition))), partition: partition,
          member: member)
      }.sorted(by: Wish.isStronger)
    }
    var open = partitions
    for round in 0..<partitions where open > 0 {
      for wish in wishes.map({ $0[round] }).sorted(by: Wish.isStronger) where grant(wish) {
        open -= 1
      }
    }
  }

  private mutating func grant(_ wish: Wish) -> Bool {
    guard owners[wish.partition] < 0, loads[wish.member] <= least else { return false }
    if loads[wish.member] == least {
      guard extra > 0 else { return false }
      extra -= 1
    }
    owners[wish.partition] = wish.member
    loads[wish.member] += 1
    return true
  }

  /// What a member is hashed by: its name, which outlives it; else its row, so that who takes a
  /// dead member's row takes its partitions. Where several have one name, all but the first are
  /// told apart by their rows.
  private static func identity(of index: Int, in members: [GroupMember]) -> UInt64 {
    let member = members[index]
    guard let name = member.name else { return mix(UInt64(member.row) + 1) }
    // FNV-1a.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let isRepeated = index > 0 && members[index - 1].name == name
    return mix(isRepeated ? hash &+ UInt64(member.row) + 1 : hash)
  }

  /// SplitMix64's finisher: each bit of the result depends on every bit of the value.
  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}

import TestSupport
import Testing

@testable import ShmBus

/// Members in rows of their own, some of them named; in no order.
private func members(_ count: Int, _ seed: inout Seed) -> [GroupMember] {
  Array(UInt16(0)..<4096).shuffled(using: &seed).prefix(count).map { row in
    GroupMember(
      row: row, incarnation: seed.next() | 1, name: seed.oneIn(3) ? "member-\(row)" : nil)
  }
}

private let sharing: [Assignor] = [.sticky, .range, .roundRobin]

@Suite struct AssignorTests {
  @Test func everyPartitionHasOneOwnerAndLoadsDifferByAtMostOne() {
    var seed = Seed.announced("balance")
    for _ in 0..<40 {
      let members = members(Int(seed.next() % 40) + 1, &seed)
      let partitions = Int(seed.next() % 100) + 1
      for assignor in sharing {
        let owners = assignor.owners(of: partitions, among: members)
        #expect(owners.count == partitions)
        let loads = members.indices.map { index in owners.count { $0 == index } }
        #expect(loads.reduce(0, +) == partitions)
        #expect(loads.max()! - loads.min()! <= 1, "\(assignor.name): \(loads)")
        let one = Int(seed.next() % UInt64(members.count))
        let share = assignor.share(of: members[one], among: members, partitions: partitions)
        #expect(share == (0..<partitions).filter { owners[$0] == one })
      }
    }
  }

  @Test func theOrderOfTheMembersChangesNothing() {
    var seed = Seed.announced("permutations")
    let own = Assignor.custom { members, partitions in
      (0..<partitions).map { Int(members[$0 % members.count].row) % members.count }
    }
    for _ in 0..<40 {
      let members = members(Int(seed.next() % 20) + 1, &seed)
      let partitions = Int(seed.next() % 64) + 1
      let shuffled = members.shuffled(using: &seed)
      for assignor in sharing + [own] {
        let one = assignor.owners(of: partitions, among: members).map { members[$0] }
        let other = assignor.owners(of: partitions, among: shuffled).map { shuffled[$0] }
        #expect(one == other)
      }
    }
  }

  /// Members of different builds must agree: these may never change.
  @Test func assignmentsArePinned() {
    let members = [
      GroupMember(row: 128, incarnation: 1), GroupMember(row: 129, incarnation: 7),
      GroupMember(row: 131, incarnation: 3, name: "ledger"),
    ]
    #expect(Assignor.range.owners(of: 8, among: members) == [0, 0, 0, 1, 1, 1, 2, 2])
    #expect(Assignor.roundRobin.owners(of: 8, among: members) == [0, 1, 2, 0, 1, 2, 0, 1])
    #expect(
      Assignor.sticky.owners(of: 16, among: members)
        == [2, 0, 0, 1, 1, 1, 0, 2, 0, 2, 0, 1, 2, 0, 1, 2])
    #expect(
      (0..<6).map(Assignor.name(ofCode:)) == [
        "sticky", "range", "round-robin", "broadcast", "custom", nil,
      ])
  }

  @Test func aBroadcastGivesEverythingToEverybody() {
    var seed = Seed.announced("broadcast")
    let members = members(5, &seed)
    for member in members {
      let share = Assignor.broadcast.share(of: member, among: members, partitions: 7)
      #expect(share == Array(0..<7))
    }
    let stranger = GroupMember(row: 5000, incarnation: 1)
    #expect(Assignor.broadcast.share(of: stranger, among: members, partitions: 7).isEmpty)
    #expect(Assignor.sticky.share(of: stranger, among: members, partitions: 7).isEmpty)
  }

  @Test func anAssignorThatNamesNobodyTraps() async {
    await #expect(processExitsWith: .failure) {
      let member = GroupMember(row: 1, incarnation: 1)
      _ = Assignor.custom { _, partitions in Array(repeating: 1, count: partitions) }
        .owners(of: 3, among: [member])
    }
  }
}

/// What moves when the membership changes.
@Suite struct StickinessTests {
  /// Partitions whose owner is another one.
  private func moved(
    _ before: [GroupMember], _ after: [GroupMember], _ partitions: Int
  ) -> Int {
    let old = Assignor.sticky.owners(of: partitions, among: before).map { before[$0] }
    let new = Assignor.sticky.owners(of: partitions, among: after).map { after[$0] }
    return zip(old, new).count { $0 != $1 }
  }

  /// The least that any balanced assignment must move is the share of who leaves, or comes. No pure
  /// function of the membership can do that for every membership; `bound` is what ours may add on
  /// average.
  @Test(arguments: [
    (16, 2, 1.0), (16, 3, 1.3), (16, 4, 1.5), (12, 5, 1.6), (64, 3, 1.2), (64, 8, 1.7),
    (64, 15, 2.2), (64, 16, 2.7), (8, 12, 2.0),
  ])
  func fewPartitionsMove(partitions: Int, count: Int, bound: Double) {
    var seed = Seed.announced("stickiness of \(partitions) over \(count)")
    var moves = 0
    var least = 0
    for _ in 0..<30 {
      let all = members(count, &seed)
      let leaver = Int(seed.next() % UInt64(count))
      let rest = all.filter { $0 != all[leaver] }
      least += Assignor.sticky.share(of: all[leaver], among: all, partitions: partitions).count
      moves += moved(all, rest, partitions)
    }
    print("sticky: \(partitions) over \(count): \(moves) moved, \(least) had to")
    #expect(Double(moves) <= bound * Double(least))
  }

  @Test func whoTakesADeadMembersRowOrNameTakesItsPartitions() {
    var seed = Seed.announced("restart")
    for _ in 0..<10 {
      let all = members(6, &seed)
      let next = all.map { member in
        GroupMember(
          row: member.name == nil ? member.row : member.row &+ 5000,
          incarnation: member.incarnation &+ 2, name: member.name)
      }
      let old = Assignor.sticky.owners(of: 32, among: all)
      let new = Assignor.sticky.owners(of: 32, among: next)
      #expect(old == new)
    }
  }

  @Test func membersOfOneNameAreStillSharedWith() {
    let same = (0..<16).map { GroupMember(row: UInt16($0), incarnation: 1, name: "worker") }
    let owners = Assignor.sticky.owners(of: 64, among: same)
    #expect(same.indices.allSatisfy { index in owners.count { $0 == index } == 4 })
    // Spread, as if they had names of their own, not in blocks.
    #expect(moved(same, Array(same.dropLast()), 64) <= 24)
  }

  @Test func addedPartitionsMoveFewOfTheOld() {
    var seed = Seed.announced("growth")
    var moves = 0
    for _ in 0..<40 {
      let all = members(4, &seed)
      let before = Assignor.sticky.owners(of: 16, among: all)
      let after = Assignor.sticky.owners(of: 20, among: all)
      moves += zip(before, after).count { $0 != $1 }
    }
    print("sticky: 16 grown to 20 over 4: \(moves) of 640 moved")
    #expect(moves <= 160)
  }
}

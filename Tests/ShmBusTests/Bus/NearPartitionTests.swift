import TestSupport
import Testing

@testable import ShmBus

/// A bus of four partitions that says that 1 and 3 lie on node 1: one node is all there is here.
private func withNodes(
  _ whenFull: BusConfiguration.WhenFull = .block, _ body: (Bus) throws -> Void
) throws {
  let configuration = BusConfiguration(
    partitions: 4, slots: 256, slotSize: 64, whenFull: whenFull, numa: .nodes([0]))
  try withBus(configuration) { bus in
    for partition in 0..<bus.configuration.maxPartitions {
      let fields = unsafe bus.map.partition(partition).fields
      unsafe fields.pointee.node = UInt32(partition % 2)
      unsafe fields.pointee.placement = PlacedMemory.Code.verified
    }
    try body(bus)
  }
}

extension Bus {
  fileprivate func publisher(_ partitioner: Partitioner, home: Int?) throws -> Publisher {
    Publisher(
      try PublisherCore(
        self, partitioner: partitioner, wait: .balanced, timeout: .seconds(30), home: home))
  }

  fileprivate func sent() throws -> [Offset] { try status().partitions.map(\.cursor) }
}

@Suite struct NearPartitionTests {
  @Test(arguments: [Partitioner.sticky, .roundRobin, .random])
  func keylessMessagesStayNearWhileThereIsRoom(partitioner: Partitioner) throws {
    try withNodes { bus in
      let publisher = try bus.publisher(partitioner, home: 1)
      for number in 0..<200 { try publisher.publish("\(number)") }
      let sent = try bus.sent()
      #expect(sent[0] == 0 && sent[2] == 0 && sent.reduce(0, +) == 200)
      // Both near ones have their share.
      #expect(sent[1] >= 64 && sent[3] >= 64)
    }
  }

  @Test(arguments: [Partitioner.sticky, .roundRobin, .random])
  func whatNearReadersLeaveGoesFar(partitioner: Partitioner) throws {
    try withNodes { bus in
      // Holds all partitions and reads none.
      let subscriber = try bus.subscriber(from: .earliest)
      let publisher = try bus.publisher(partitioner, home: 1)
      for number in 0..<900 { _ = try? publisher.publish("\(number)", timeout: .zero) }
      let sent = try bus.sent()
      #expect(sent[1] > 100 && sent[3] > 100 && sent[0] > 100 && sent[2] > 100, "\(sent)")
      withExtendedLifetime(subscriber.core) {}
    }
  }

  @Test func whereThereIsRoomAgainTheyStayNearAgain() throws {
    try withNodes { bus in
      var subscriber = try bus.subscriber(from: .earliest)
      let publisher = try bus.publisher(.roundRobin, home: 0)
      for number in 0..<3000 {
        try publisher.publish("\(number)")
        if number % 50 == 49 { for _ in 0..<50 { _ = try subscriber.text() } }
      }
      let sent = try bus.sent()
      #expect(sent == [1500, 0, 1500, 0])
    }
  }

  @Test func overwritingNeverGoesFar() throws {
    try withNodes(.overwrite) { bus in
      let publisher = try bus.publisher(.sticky, home: 0)
      for number in 0..<2000 { try publisher.publish("\(number)") }
      let sent = try bus.sent()
      #expect(sent[1] == 0 && sent[3] == 0 && sent[0] + sent[2] == 2000)
    }
  }

  @Test(arguments: [nil, 7] as [Int?])
  func withoutANodeNothingIsNear(home: Int?) throws {
    try withNodes { bus in
      let publisher = try bus.publisher(.roundRobin, home: home)
      for number in 0..<200 { try publisher.publish("\(number)") }
      #expect(try bus.sent() == [50, 50, 50, 50])
    }
  }

  @Test func keysAndNamedPartitionsGoWhereTheyGo() throws {
    try withNodes { bus in
      let near = try bus.publisher(.sticky, home: 1)
      let anywhere = try bus.publisher(.sticky, home: nil)
      try near.publish("named", partition: 2)
      #expect(try bus.sent()[2] == 1)
      for number in 0..<50 {
        try near.publish("a", key: "key-\(number)")
        try anywhere.publish("b", key: "key-\(number)")
      }
      #expect(try bus.sent().allSatisfy { $0 > 0 })
    }
  }

  @Test func partitionsThatAreAddedAreNearToo() throws {
    try withNodes { bus in
      let publisher = try bus.publisher(.roundRobin, home: 1)
      try publisher.publish("before")
      // Not verified: this host has one node. Nothing goes there by preference.
      try bus.addPartitions(to: 6)
      unsafe bus.map.partition(5).fields.pointee.placement = PlacedMemory.Code.verified
      for number in 0..<99 { try publisher.publish("\(number)") }
      let sent = try bus.sent()
      #expect(sent[0] + sent[2] + sent[4] == 0 && sent.reduce(0, +) == 100)
    }
  }
}

@Suite struct NearAssignmentTests {
  private func members(_ nodes: [Int?]) -> [GroupMember] {
    nodes.enumerated().map { row, node in
      GroupMember(row: UInt16(row), incarnation: 1, node: node)
    }
  }

  @Test func membersGetWhatIsNearThem() {
    let members = members([0, 1])
    let nodes: [Int?] = [0, 1, 0, 1, 0, 1, 1, 0]
    let owners = Assignor.sticky.owners(of: 8, among: members, on: nodes)
    #expect(owners == nodes.map { $0! })
  }

  @Test func howManyAnybodyGetsDoesNotChange() {
    var seed = Seed.announced("near balance")
    for _ in 0..<60 {
      let members = members(
        (0..<Int(seed.next() % 20) + 1).map { _ in
          seed.oneIn(4) ? nil : Int(seed.next() % 4)
        })
      let partitions = Int(seed.next() % 64) + 1
      let nodes = (0..<partitions).map { _ in seed.oneIn(5) ? nil : Int(seed.next() % 4) }
      let owners = Assignor.sticky.owners(of: partitions, among: members, on: nodes)
      let loads = members.indices.map { index in owners.count { $0 == index } }
      #expect(loads.reduce(0, +) == partitions && loads.max()! - loads.min()! <= 1)
      // Whoever computes it, in whatever order: the same.
      let shuffled = members.shuffled(using: &seed)
      let other = Assignor.sticky.owners(of: partitions, among: shuffled, on: nodes)
      #expect(owners.map { members[$0] } == other.map { shuffled[$0] })
      #expect(near(owners, members, nodes) >= near(blind(partitions, members), members, nodes))
    }
  }

  @Test func withoutNodesNothingChanges() {
    let near = members([0, 1, nil, 1])
    let blind = members([nil, nil, nil, nil])
    for partitions in 1...20 {
      let plain = Assignor.sticky.owners(of: partitions, among: blind)
      #expect(Assignor.sticky.owners(of: partitions, among: near) == plain)
      let nodes = [Int?](repeating: 9, count: partitions)
      #expect(Assignor.sticky.owners(of: partitions, among: near, on: nodes) == plain)
    }
  }

  /// The assignment of members of whom no node is known.
  private func blind(_ partitions: Int, _ members: [GroupMember]) -> [Int] {
    Assignor.sticky.owners(of: partitions, among: members)
  }

  private func near(_ owners: [Int], _ members: [GroupMember], _ nodes: [Int?]) -> Int {
    owners.indices.count { nodes[$0] != nil && nodes[$0] == members[owners[$0]].node }
  }

  /// The node goes through the registry's row, as other processes read it.
  @Test func othersSeeAMembersNode() throws {
    try withNodes { bus in
      var first = try bus.subscriber(.group("g"), from: .earliest)
      var second = try bus.subscriber(.group("g"), from: .earliest)
      // As if their threads had been kept there when they attached: the row is all that anybody sees.
      for (subscriber, home) in [(first.core.row, 1), (second.core.row, 2)] {
        unsafe bus.map.endpoint(subscriber).fields.pointee.home = UInt32(home)
      }
      let group = try #require(bus.groupTable.groups.first)
      #expect(Set(group.members.map(\.node)) == [0, 1])
      group.bump()
      let publisher = try bus.publisher()
      for partition in 0..<4 { try publisher.publish("m", partition: partition) }
      #expect(
        eventually {
          _ = try? first.next(timeout: .zero)
          _ = try? second.next(timeout: .zero)
          return first.assignment == [0, 2] && second.assignment == [1, 3]
        })
    }
  }
}

import TestSupport
import Testing

@testable import ShmBus

/// Groups seen and changed from outside: where they begin, what they hold, what resets and
/// deletions do.
@Suite struct GroupAdminTests {
  private static let small = BusConfiguration(slots: 64, slotSize: 64)

  @Test func aNewGroupBeginsWhereItIsAskedTo() throws {
    try withBus(Self.small) { bus in
      let publisher = try bus.publisher()
      for number in 0..<10 { try publisher.publish("\(number)") }
      let starts: [(StartPosition, Offset)] = [
        (.earliest, 0), (.latest, 10), (.offset(4), 4), (.offset(99), 10), (.relative(-3), 7),
        (.relative(2), 2), (.time(0), 0), (.time(.max), 10),
      ]
      for (number, (start, expected)) in starts.enumerated() {
        try bus.createGroup(.group("g\(number)"), from: start)
        #expect(try bus.group("g\(number)").partitions[0].head == expected, "\(start)")
      }
      holds(try !bus.createGroup(.group("g0"), from: .latest))
      #expect(try bus.group("g0").partitions[0].head == 0)
    }
  }

  @Test func timeFindsTheFirstMessageNotBeforeIt() throws {
    try withBus(BusConfiguration(slots: 1024, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      var times: [UInt64] = []
      var reader = try bus.subscriber(from: .earliest)
      for number in 0..<700 {
        try publisher.publish("\(number)")
        times.append(try reader.copy()?.timestamp ?? 0)
      }
      for number in [0, 1, 63, 64, 65, 200, 699] {
        let first = times.firstIndex { $0 >= times[number] }
        try bus.createGroup(.group("t"), from: .time(times[number]))
        #expect(try bus.group("t").partitions[0].head == first.map(UInt64.init))
        try bus.deleteGroup("t")
      }
    }
  }

  @Test func aGroupHoldsPublishersUntilItIsResetOrDeleted() throws {
    for change in ["reset", "delete"] {
      try withBus(Self.small) { bus in
        try bus.createGroup(.group("slow"))
        let publisher = try bus.publisher()
        for number in 0..<64 { try publisher.publish("\(number)") }
        let error = publishError { try publisher.publish("x", timeout: .zero) }
        guard case .full(let holdup) = error else {
          Issue.record("\(error.map { "\($0)" } ?? "published")")
          return
        }
        #expect(holdup.kind == .group && holdup.name == "slow" && holdup.behind == 64)
        let published = Shared(false)
        let blocked = Thread {
          guard let other = try? bus.publisher(wait: .sleep) else { return }
          let offset = try? other.publish("goes on", timeout: patience)
          published.change { $0 = offset == 64 }
        }
        #expect(eventually { bus.map.partition(0).blocked.loadRelaxed() != 0 })
        if change == "reset" {
          #expect(
            try bus.resetGroup("slow", to: .latest, dryRun: true)
              == [GroupMove(partition: 0, from: 0, to: 64)])
          #expect(try bus.group("slow").lag == 64)
          try bus.resetGroup("slow", to: .latest)
        } else {
          try bus.deleteGroup("slow")
        }
        blocked.join()
        #expect(published.value)
      }
    }
  }

  @Test func aGroupThatDoesNotHoldIsToldWhatItMissed() throws {
    try withBus(Self.small) { bus in
      var member = try bus.subscriber(.group("g", holdsPublishers: false), from: .earliest)
      let publisher = try bus.publisher()
      for number in 0..<200 { try publisher.publish("\(number)", timeout: .zero) }
      guard case .gap(let gap) = subscribeError({ _ = try member.copy() }) else {
        Issue.record("no gap")
        return
      }
      #expect(gap.from == 0 && gap.to > 200 - 64)
      try holds(member.text() == "\(gap.to)")
      try member.commit()
      #expect(try bus.group("g").partitions[0].head == gap.to + 1)
    }
  }

  @Test(arguments: [GapPolicy.earliest, .latest, .fail])
  func anOffsetThatIsGoneIsAGapThenThePolicy(policy: GapPolicy) throws {
    try withBus(Self.small) { bus in
      let publisher = try bus.publisher()
      for number in 0..<100 { try publisher.publish("\(number)", timeout: .zero) }
      var member = try bus.subscriber(.group("g", whenGone: policy), from: .offset(3))
      let first = subscribeError { _ = try member.copy() }
      guard case .gap(let gap) = first else {
        Issue.record("no gap")
        return
      }
      #expect(gap.from == 3 && gap.to == (policy == .latest ? 100 : 36))
      if policy == .fail {
        #expect(subscribeError { _ = try member.copy() } == first)
        try member.seek(partition: 0, to: .earliest)
      }
      if policy != .latest { try holds(member.text() == "36") }
      try publisher.publish("new", timeout: .zero)
      if policy == .latest { try holds(member.text() == "new") }
    }
  }

  @Test func aResetVoidsWhatWasRead() throws {
    try withBus(Self.small) { bus in
      let publisher = try bus.publisher()
      for number in 0..<10 { try publisher.publish("\(number)") }
      var member = try bus.subscriber(.group("g"), from: .earliest)
      for _ in 0..<5 { _ = try member.copy() }
      do {
        guard var message = try member.next(timeout: patience) else { return }
        holds(!message.isVoid)
        try bus.resetGroup("g", to: .relative(2))
        holds(message.isVoid)
        var refused: CommitError?
        do throws(CommitError) { try message.commit() } catch { refused = error }
        #expect(refused == .reset(partition: 0))
      }
      try holds(member.text() == "2")
      try member.commit()
      try bus.resetGroup("g", to: .earliest)
      try holds(member.text() == "0")
      #expect(try bus.group("g").partitions[0].head == 0)
    }
  }

  @Test func aGroupWithMembersIsDeletedByForceOnly() throws {
    try withBus(Self.small) { bus in
      let publisher = try bus.publisher()
      try publisher.publish("x")
      var member = try bus.subscriber(.group("g"), from: .earliest)
      try holds(member.ready().count == 1)
      #expect(busError { try bus.deleteGroup("g") }?.code == .unavailable)
      try bus.deleteGroup("g", force: true)
      #expect(throws: CommitError.deleted) { try member.commit() }
      #expect(subscribeError { _ = try member.copy() } == .groupDeleted)
      // The row is used again; the old member has no part in the new group.
      try bus.createGroup(.group("h"), from: .earliest)
      #expect(subscribeError { _ = try member.copy() } == .groupDeleted)
      #expect(try bus.group("h").members.isEmpty)
      #expect(busError { _ = try bus.group("g") }?.code == .notFound)
    }
  }

  @Test func partitionsAreAddedWhileAllAreAtWork() throws {
    let configuration = BusConfiguration(
      partitions: 1, maxPartitions: 4, slots: 64, slotSize: 64)
    try withBus(configuration) { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      var member = try bus.subscriber(.group("g"), from: .latest)
      try holds(member.ready().isEmpty)
      try bus.addPartitions(to: 3)
      // Published before anybody has looked: a group that began at the latest gets it all the same.
      for partition in 0..<3 { try publisher.publish("\(partition)", partition: partition) }
      try holds(member.ready().map(\.partition).sorted() == [0, 1, 2])
      try holds(subscriber.ready().map(\.partition).sorted() == [0, 1, 2])
      try member.commit()
      #expect(try bus.group("g").partitions.map(\.head) == [1, 1, 1])
      #expect(busError { try bus.addPartitions(to: 2) }?.code == .usage)
      #expect(busError { try bus.addPartitions(to: 5) }?.code == .usage)
      // All of a lap and more: nobody's cell in the new partition holds it.
      for number in 0..<150 {
        try publisher.publish("\(number)", partition: 2, timeout: patience)
        while let message = try subscriber.next(timeout: .zero) { _ = message.offset }
        while var message = try member.next(timeout: .zero) { try message.commit() }
      }
    }
  }

  /// A creator that died after its heads held publishers: whoever is held clears them away.
  @Test func aHalfCreatedGroupHoldsNobody() throws {
    try withBus(Self.small) { bus in
      _ = bus.map.groupRows.raise(to: 1)
      GroupHead(bus.map.head(0, partition: 0).head).raise { _ in 0 }
      let publisher = try bus.publisher()
      for number in 0..<200 { try publisher.publish("\(number)", timeout: patience) }
      #expect(try bus.groups().isEmpty)
    }
  }

  @Test func everyRowForGroupsCanBeUsedAndUsedAgain() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, maxGroups: 3)) { bus in
      for round in 0..<3 {
        for number in 0..<3 { try bus.createGroup(.group("g\(round)-\(number)")) }
        #expect(busError { try bus.createGroup(.group("more")) }?.code == .unavailable)
        for number in 0..<3 { try bus.deleteGroup("g\(round)-\(number)") }
      }
      #expect(busError { try bus.createGroup(.group("no good")) }?.code == .usage)
    }
  }
}

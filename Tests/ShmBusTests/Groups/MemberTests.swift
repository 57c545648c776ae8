import ShmBus
import TestSupport
import Testing

/// What a member sees and what its commits do. The members live in one process and take turns.
@Suite struct MemberTests {
  private static let wide = BusConfiguration(partitions: 4, slots: 64, slotSize: 64)

  @Test func aCommitIsWhereTheNextMemberBegins() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      for number in 0..<10 { try publisher.publish("\(number)") }
      do {
        var member = try bus.subscriber(.group("g"), from: .earliest)
        for number in 0..<5 {
          guard var message = try member.next(timeout: patience) else { break }
          #expect(message.bytes.text == "\(number)")
          if number < 3 { try message.commit() }
        }
        holds(member.committed(inPartition: 0) == 3)
        holds(member.position(inPartition: 0) == 5)
      }
      let partition = try bus.group("g").partitions[0]
      #expect(partition.head == 3 && partition.lag == 7 && partition.lead == 3)
      #expect(partition.owner == nil && partition.lagTime != nil)
      var next = try bus.subscriber(.group("g"), from: .latest)
      try holds(next.text() == "3")
      #expect(try bus.groups().map(\.name) == ["g"])
    }
  }

  /// Closing, leaving and hanging up without a commit deliver again; a commit for later does not.
  @Test func whatWasNotCommittedIsDeliveredAgain() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      for number in 0..<6 { try publisher.publish("\(number)") }
      var first = try bus.subscriber(.group("g"), from: .earliest)
      try holds(first.ready().count == 6)
      _ = consume first
      var second = try bus.subscriber(.group("g"))
      for _ in 0..<3 {
        guard var message = try second.next(timeout: patience) else { break }
        message.commitLater()
      }
      try second.close()
      var third = try bus.subscriber(.group("g"))
      try holds(third.text() == "3")
    }
  }

  @Test func commitsForLaterMoveTheHeadWhenNothingIsLeft() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      for number in 0..<3 { try publisher.publish("\(number)") }
      var member = try bus.subscriber(.group("g"), from: .earliest)
      for _ in 0..<3 {
        guard var message = try member.next(timeout: patience) else { break }
        message.commitLater()
      }
      try holds(member.next(timeout: .zero) == nil)
      holds(member.committed(inPartition: 0) == 3)
    }
  }

  @Test func headsNeverGoBackByACommit() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      for number in 0..<9 { try publisher.publish("\(number)") }
      var member = try bus.subscriber(.group("g"), from: .earliest)
      try holds(member.ready().count == 9)
      try member.commit(partition: 0, upTo: 7)
      try member.commit(partition: 0, upTo: 2)
      holds(member.committed(inPartition: 0) == 7)
      #expect(throws: CommitError.notOwned(partition: 0)) {
        try member.commit(partition: 0, upTo: 1000)
      }
      #expect(throws: CommitError.notOwned(partition: 3)) {
        try member.commit(partition: 3, upTo: 1)
      }
      try member.seek(partition: 0, to: .offset(4))
      try holds(member.text() == "4")
      try member.commit()
      holds(member.committed(inPartition: 0) == 7)
      try member.seek(partition: 0, to: .relative(-2))
      try holds(member.text() == "3")
    }
  }

  @Test func pausedPartitionsWait() throws {
    try withBus(Self.wide) { bus in
      let publisher = try bus.publisher()
      for partition in 0..<4 { try publisher.publish("\(partition)", partition: partition) }
      var member = try bus.subscriber(.group("g"), from: .earliest)
      try holds(member.copy()?.partition == 0)
      member.pause([1, 3, 9])
      holds(member.paused == [1, 3] && member.assignment == [0, 1, 2, 3])
      try holds(member.ready().map(\.partition) == [2])
      member.resume([3])
      try holds(member.ready().map(\.partition) == [3])
      member.resume([1])
      try holds(member.ready().map(\.partition) == [1])
      try member.commit()
      #expect(try bus.group("g").lag == 0)
    }
  }

  @Test func membersShareThePartitions() throws {
    try withBus(Self.wide) { bus in
      let heard = Shared<[String]>([])
      func options(_ name: String) -> GroupOptions {
        .group(
          "g",
          onChange: { change in
            let line = "\(name) \(change.kind) \(change.partitions)"
            heard.change { $0.append(line) }
          })
      }
      var first = try bus.subscriber(options("first"), from: .earliest)
      try holds(first.ready().isEmpty)
      holds(first.assignment == [0, 1, 2, 3])
      var second = try bus.subscriber(options("second"))
      try holds(second.ready().isEmpty && second.assignment.isEmpty)
      try holds(first.ready().isEmpty && second.ready().isEmpty)
      holds(first.assignment.count == 2 && second.assignment.count == 2)
      holds(Set(first.assignment + second.assignment) == [0, 1, 2, 3])
      #expect(
        heard.value == [
          "first assigned [0, 1, 2, 3]", "first revoked \(second.assignment)",
          "second assigned \(second.assignment)",
        ])
      let status = try bus.group("g")
      holds(status.members.map(\.partitions) == [first.assignment, second.assignment])
      #expect(status.members.allSatisfy { $0.state == .alive })
      _ = consume second
      try holds(first.ready().isEmpty)
      holds(first.assignment == [0, 1, 2, 3])
    }
  }

  @Test func aMemberTooManyIsToldThatItWaits() throws {
    try withBus { bus in
      var first = try bus.subscriber(.group("g"), from: .earliest)
      try holds(first.ready().isEmpty)
      let told = Shared<[[Int]]>([])
      var second = try bus.subscriber(
        .group(
          "g",
          onChange: { change in
            let partitions = change.partitions
            told.change { $0.append(partitions) }
          }))
      // Rows decide who gets the only partition; told once, however often it asks.
      try holds(first.ready().isEmpty && second.ready().isEmpty && second.ready().isEmpty)
      holds(first.assignment.count + second.assignment.count == 1)
      if second.assignment.isEmpty { holds(told.value == [[]]) }
    }
  }

  /// A member that does not poll loses its partitions, is fenced, and comes back.
  @Test func aHungMemberIsFencedAndComesBack() throws {
    try withBus(BusConfiguration(partitions: 2, slots: 64, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      for partition in 0..<2 { try publisher.publish("x", partition: partition) }
      let lost = Shared<[Int]>([])
      let interval = Duration.milliseconds(200)
      var slow = try bus.subscriber(
        .group(
          "g", maxPollInterval: interval,
          onChange: { change in
            let partitions = change.partitions
            if change.kind == .lost { lost.change { $0 += partitions } }
          }), from: .earliest)
      try holds(slow.ready().count == 2)
      var other = try bus.subscriber(.group("g"))
      var seen: Set<Int> = []
      let isTaken = try eventually {
        if let message = try other.copy(within: .milliseconds(5)) { seen.insert(message.partition) }
        return seen.count == 2
      }
      #expect(isTaken, "the others take over what a hung member has")
      #expect(try bus.group("g").members.contains { $0.state == .stalled })
      #expect(throws: CommitError.fenced(partition: 0, maxPollInterval: interval)) {
        try slow.commit(partition: 0, upTo: 1)
      }
      holds(
        try eventually {
          try slow.ready().isEmpty && other.ready().isEmpty && slow.assignment.count == 1
        })
      #expect(Set(lost.value) == [0, 1])
      try other.commit()
    }
  }

  @Test func whoeverWasNotExpiredIsNeverFenced() throws {
    try withBus(Self.wide) { bus in
      let publisher = try bus.publisher()
      var first = try bus.subscriber(.group("g"), from: .earliest)
      _ = try first.ready()
      for round in 0..<20 {
        for partition in 0..<4 { try publisher.publish("\(round)", partition: partition) }
        var second = try bus.subscriber(.group("g"))
        _ = try second.ready()
        while var message = try first.next(timeout: .zero) { try message.commit() }
        while var message = try second.next(timeout: .zero) { try message.commit() }
        if round % 2 == 0 { try second.close() }
      }
      while var message = try first.next(timeout: .zero) { try message.commit() }
      #expect(try bus.group("g").lag == 0)
    }
  }

  @Test func aBroadcastMemberHasHeadsOfItsOwn() throws {
    try withBus(BusConfiguration(partitions: 2, slots: 64, slotSize: 64)) { bus in
      let publisher = try bus.publisher()
      for number in 0..<4 { try publisher.publish("\(number)", partition: number % 2) }
      for name in ["a", "b"] {
        var member = try bus.subscriber(
          .group("all", assignor: .broadcast, member: name), from: .earliest)
        try holds(member.ready().count == 4)
        if name == "a" { try member.commit() }
      }
      #expect(try bus.group("all", member: "a").lag == 0)
      #expect(try bus.group("all", member: "b").lag == 4)
      #expect(try bus.groups().map(\.member) == [nil, "a", "b"])
      #expect(
        busError { _ = try bus.subscriber(.group("all", assignor: .broadcast)) }?.code == .usage)
      #expect(busError { _ = try bus.subscriber(.group("all")) }?.code == .usage)
      try bus.deleteGroup("all")
      #expect(try bus.groups().isEmpty)
    }
  }

  @Test func messagesAsASequenceAreCommittedAsTheyAreTaken() async throws {
    let name = TestSpace.busName("sequence")
    defer { TestSpace.clear(name) }
    let bus = try Bus.create(name, BusConfiguration(slots: 64, slotSize: 64))
    do {
      let publisher = try bus.publisher()
      for number in 0..<5 { try publisher.publish("\(number)") }
      var taken = 0
      for try await _ in try bus.subscriber(.group("g"), from: .earliest).messages() {
        taken += 1
        if taken == 5 { break }
      }
    }
    // The last one was taken, but nobody asked for the next.
    #expect(try bus.group("g").partitions[0].head == 4)
  }
}

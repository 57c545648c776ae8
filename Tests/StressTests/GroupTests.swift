import Glibc
import ShmBus
import TestSupport
import Testing

/// The cases in which users of Kafka see duplicates or losses, with real processes, and what is
/// promised in each.
@Suite(.serialized) struct GroupTests {
  private static let configuration = BusConfiguration(
    partitions: 4, maxPartitions: 8, slots: 64, slotSize: 64)

  private func member(_ bus: Bus, _ arguments: String...) throws -> Actor {
    let actor = try Actor(["member", "bus=\(bus.name)"] + arguments)
    #expect(try actor.line() == "ready")
    return actor
  }

  /// Lines of one kind until there are `count` of them.
  private func lines(_ actor: Actor, _ kind: String, _ count: Int) throws -> [[Int]] {
    var found: [[Int]] = []
    while found.count < count, let line = try actor.line() {
      let words = line.split(separator: " ").map(String.init)
      if words.first == kind { found.append(words.dropFirst().compactMap { Int($0) }) }
    }
    return found
  }

  /// Partitions named by lines of one kind until there are `count` of them: they may come one at a time.
  private func partitions(_ actor: Actor, _ kind: String, _ count: Int) throws -> [Int] {
    var found: [Int] = []
    while found.count < count, let line = try lines(actor, kind, 1).first { found += line }
    return found.sorted()
  }

  private func publish(_ bus: Bus, _ numbers: Range<Int>) throws {
    let publisher = try bus.publisher()
    for number in numbers {
      try publisher.publish(
        Pattern.bytes(1, number, count: 16), partition: number % bus.partitions, timeout: patience)
    }
  }

  private func numbers(_ lines: [[Int]]) -> [Int] { lines.map { $0[3] }.sorted() }

  /// Killed before its commit: what it handled is handled again.
  @Test func killedBeforeItsCommit() throws {
    try withBus(Self.configuration, "before") { bus in
      try publish(bus, 0..<12)
      let first = try member(bus, "commit=none")
      #expect(try numbers(lines(first, "m", 12)) == Array(0..<12))
      first.kill()
      first.wait()
      let second = try member(bus)
      #expect(try numbers(lines(second, "m", 12)) == Array(0..<12))
    }
  }

  /// Killed between handling and commit, at any moment: nothing is lost, and at most the last
  /// message is repeated.
  @Test func killedAfterHandling() throws {
    var seed = Seed.announced("killed after handling")
    for round in 0..<10 {
      try withBus(BusConfiguration(slots: 64, slotSize: 64), "after") { bus in
        try publish(bus, 0..<60)
        let first = try member(bus)
        _ = usleep(UInt32.random(in: 0..<2_000, using: &seed))
        first.kill()
        first.wait()
        let before = numbers(
          try first.rest().filter { $0.hasPrefix("m ") }
            .map { $0.split(separator: " ").dropFirst().compactMap { Int($0) } })
        let head = try Int(bus.group("g").partitions[0].head)
        #expect(before.count - head <= 1 && before.count >= head, "round \(round)")
        let second = try member(bus)
        let after = try numbers(lines(second, "m", 60 - head))
        #expect(after == Array(head..<60), "round \(round)")
      }
    }
  }

  /// Committed before it is handled: not delivered again, whatever happens. That is what was asked
  /// for.
  @Test func committedBeforeHandling() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64), "first") { bus in
      try publish(bus, 0..<10)
      let first = try member(bus, "commit=first", "count=4")
      #expect(try numbers(lines(first, "m", 4)) == [0, 1, 2, 3])
      first.kill()
      first.wait()
      let second = try member(bus)
      #expect(try numbers(lines(second, "m", 6)) == Array(4..<10))
    }
  }

  /// Killed while partitions move: the others get them, and everything in them.
  @Test func killedDuringARebalance() throws {
    var seed = Seed.announced("killed during a rebalance")
    for round in 0..<10 {
      try withBus(Self.configuration, "rebalance") { bus in
        let first = try member(bus)
        #expect(try lines(first, "assigned", 1) == [[0, 1, 2, 3]])
        let second = try Actor(["member", "bus=\(bus.name)"])
        _ = usleep(UInt32.random(in: 0..<20_000, using: &seed))
        second.kill()
        second.wait()
        try publish(bus, 0..<40)
        let isDone = try eventually { try bus.group("g").lag == 0 }
        #expect(isDone, "round \(round)")
        first.tell("leave")
        let heard = try first.rest() + second.rest()
        let handled = heard.filter { $0.hasPrefix("m ") }
          .map { $0.split(separator: " ").dropFirst().compactMap { Int($0) } }
        #expect(Set(numbers(handled)) == Set(0..<40), "round \(round)")
        #expect(heard.filter { $0.hasPrefix("fenced") }.isEmpty, "round \(round)")
      }
    }
  }

  /// A group that began at the latest misses nothing of a partition that is added.
  @Test func aNewPartitionWithLatest() throws {
    try withBus(Self.configuration, "latest") { bus in
      let reader = try member(bus, "from=latest")
      #expect(try lines(reader, "assigned", 1) == [[0, 1, 2, 3]])
      try bus.addPartitions(to: 5)
      let publisher = try bus.publisher()
      try publisher.publish(Pattern.bytes(1, 7, count: 16), partition: 4)
      #expect(try numbers(lines(reader, "m", 1)) == [7])
    }
  }

  /// Slow past its poll interval: another handles its messages, and its own commit is refused.
  @Test func slowPastItsPollInterval() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64), "slow") { bus in
      try publish(bus, 0..<5)
      let slow = try member(bus, "poll=300", "commit=none", "count=2")
      #expect(try numbers(lines(slow, "m", 2)) == [0, 1])
      let other = try member(bus)
      #expect(try numbers(lines(other, "m", 5)) == [0, 1, 2, 3, 4])
      #expect(try eventually { try bus.group("g").lag == 0 })
    }
  }

  /// Gone before its commit, in good order: the same as death.
  @Test func leftBeforeItsCommit() throws {
    try withBus(Self.configuration, "left") { bus in
      try publish(bus, 0..<8)
      let first = try member(bus, "commit=none")
      _ = try lines(first, "m", 8)
      first.tell("leave")
      #expect(try first.rest().last == "left")
      let second = try member(bus)
      #expect(try numbers(lines(second, "m", 8)) == Array(0..<8))
    }
  }

  /// What a member commits when it is told that partitions go is not delivered again.
  @Test func committedWhenRevoked() throws {
    try withBus(Self.configuration, "revoked") { bus in
      try publish(bus, 0..<8)
      let first = try member(bus, "commit=revoked")
      _ = try lines(first, "m", 8)
      let second = try member(bus)
      let moved = try partitions(second, "assigned", 2)
      let heads = try bus.group("g").partitions.map { Int($0.head) }
      for partition in 0..<4 { #expect(heads[partition] == (moved.contains(partition) ? 2 : 0)) }
    }
  }

  /// Partitions that need not move are never taken from their owner, and what moves is revoked by
  /// name.
  @Test func onlyWhatMustMoveMoves() throws {
    try withBus(Self.configuration, "incremental") { bus in
      let first = try member(bus)
      #expect(try lines(first, "assigned", 1) == [[0, 1, 2, 3]])
      let second = try member(bus)
      let moved = try partitions(second, "assigned", 2)
      #expect(try partitions(first, "revoked", 2) == moved)
      second.kill()
      second.wait()
      // Within milliseconds, and only those.
      #expect(try partitions(first, "assigned", 2) == moved)
      first.tell("leave")
      #expect(try first.rest() == ["left"])
    }
  }

  /// A publisher held by a group whose owner was killed goes on when another member takes over.
  @Test func aHeldPublisherGoesOnAfterATakeover() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64), "held") { bus in
      let hung = try member(bus, "count=0")
      #expect(try hung.line() == "holding")
      try bus.createGroup(.group("g"))
      let publisher = try bus.publisher()
      for number in 0..<64 { try publisher.publish(Pattern.bytes(1, number, count: 16)) }
      let other = try member(bus)
      hung.kill()
      hung.wait()
      try publisher.publish(Pattern.bytes(1, 64, count: 16), timeout: patience)
      #expect(try numbers(lines(other, "m", 65)) == Array(0...64))
    }
  }
}

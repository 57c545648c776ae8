import Glibc
import ShmBus
import TestSupport
import Testing

/// Real processes, and what `kill -9` does to those who stay.
@Suite(.serialized) struct DeathTests {
  private static let configuration = BusConfiguration(slots: 128, slotSize: 64)

  /// What an actor said it published: only whole lines count, and each was said after its publish returned.
  private func published(_ actor: Actor) throws -> [Offset: (number: Int, length: Int)] {
    var offsets: [Offset: (number: Int, length: Int)] = [:]
    for line in try actor.rest() {
      let words = line.split(separator: " ").compactMap { UInt64($0) }
      if words.count == 3 { offsets[words[0]] = (Int(words[1]), Int(words[2])) }
    }
    return offsets
  }

  private struct Line {
    let offset: Offset
    let length: Int
    let publisher: Int
    let number: Int
    let isWhole: Bool
  }

  private func read(_ lines: [String]) -> [Line] {
    lines.compactMap { line in
      let words = line.split(separator: " ")
      guard words.count == 6, let offset = UInt64(words[1]), let length = Int(words[2]),
        let publisher = Int(words[3]), let number = Int(words[4])
      else { return nil }
      return Line(
        offset: offset, length: length, publisher: publisher, number: number,
        isWhole: words[5] == "whole")
    }
  }

  private func writer(_ bus: Bus, _ id: Int, count: Int, seed: UInt64) throws -> Actor {
    let writer = try Actor([
      "publish", "bus=\(bus.name)", "publisher=\(id)", "count=\(count)", "seed=\(seed % 1_000_000)",
      "largest=\(bus.configuration.largestMessage)",
    ])
    #expect(try writer.line() == "ready")
    return writer
  }

  @Test(arguments: [BusConfiguration.WhenFull.block, .overwrite])
  func processesSeeWhatProcessesPublish(whenFull: BusConfiguration.WhenFull) throws {
    let seed = Seed.announced("processes, \(whenFull)")
    try withBus(BusConfiguration(slots: 128, slotSize: 64, whenFull: whenFull), "process") { bus in
      let reader = try Actor(["subscribe", "bus=\(bus.name)"])
      let observer = try Actor(["subscribe", "bus=\(bus.name)", "role=observer"])
      #expect(try reader.line() == "ready")
      #expect(try observer.line() == "ready")
      let writers = try (0..<3).map { try writer(bus, $0, count: 300, seed: seed.value) }
      let outputs = collect([reader, observer] + writers)
      for writer in writers { writer.tell("go") }
      for writer in writers { #expect(writer.wait() == 0) }
      try Bus.remove(bus.name, force: true)
      let lines = outputs()
      let sent = lines[2...].flatMap { $0 }.compactMap(Self.offset)
      #expect(sent.count >= 900 && Set(sent).count == sent.count)
      for (index, reading) in lines[..<2].enumerated() {
        #expect(reading.last == "removed")
        let seen = read(reading)
        #expect(seen.filter { !$0.isWhole }.isEmpty)
        let offsets = seen.map(\.offset)
        #expect(offsets == Array(Set(offsets)).sorted())
        let gaps = reading.filter { $0.hasPrefix("gap") }.map {
          $0.split(separator: " ").compactMap { UInt64($0) }
        }
        if index == 0, whenFull == .block { #expect(gaps.isEmpty) }
        let lost = Set(sent).subtracting(offsets)
        #expect(
          lost.allSatisfy { offset in gaps.contains { $0[0] <= offset && offset < $0[1] } })
        #expect(Set(offsets).isSubset(of: sent))
        for publisher in 0..<3 {
          let numbers = seen.filter { $0.publisher == publisher }.map(\.number)
          #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
        }
      }
    }
  }

  private static func offset(_ line: String) -> Offset? {
    let words = line.split(separator: " ").compactMap { UInt64($0) }
    return words.count == 3 ? words[0] : nil
  }

  /// Reads what actors say on threads of their own, so that none of them waits for the test.
  private func collect(_ actors: [Actor]) -> () -> [[String]] {
    let lines = Shared([[String]](repeating: [], count: actors.count))
    let threads = actors.enumerated().map { index, actor in
      nonisolated(unsafe) let actor = actor
      return Thread {
        guard let rest = unsafe try? actor.rest() else { return }
        lines.change { $0[index] = rest }
      }
    }
    return {
      for thread in threads { thread.join() }
      return lines.value
    }
  }

  /// A publisher is killed at a random moment while others publish and readers read.
  @Test func theOthersGoOnWhenAPublisherIsKilled() throws {
    var seed = Seed.announced("killed publishers")
    for round in 0..<50 {
      try withBus(Self.configuration, "kill") { bus in
        let reader = try Actor(["subscribe", "bus=\(bus.name)"])
        #expect(try reader.line() == "ready")
        let victim = try writer(bus, 1, count: 1_000_000, seed: seed.next())
        let other = try writer(bus, 2, count: 400, seed: seed.next())
        let outputs = collect([reader, victim, other])
        victim.tell("go")
        other.tell("go")
        _ = usleep(UInt32.random(in: 0..<12_000, using: &seed))
        victim.kill()
        #expect(victim.wait() == -SIGKILL)
        // Nobody calls any recovery: the other publisher and the reader get to their ends by themselves.
        #expect(other.wait() == 0, "round \(round)")
        try Bus.remove(bus.name, force: true)
        let lines = outputs()
        #expect(lines[2].last == "end" && lines[0].last == "removed", "round \(round)")
        let seen = read(lines[0])
        #expect(seen.filter { !$0.isWhole }.isEmpty, "round \(round)")
        let offsets = Set(seen.map(\.offset))
        #expect(offsets.count == seen.count)
        let dead = lines[1].compactMap(Self.offset)
        #expect(offsets.isSuperset(of: dead), "what returned is delivered, round \(round)")
        #expect(offsets.isSuperset(of: lines[2].compactMap(Self.offset)))
        // What it did not live to say is at most its last publish, or its last batch.
        let numbers = seen.filter { $0.publisher == 1 }.map(\.number)
        #expect(numbers == Array(0..<numbers.count) && numbers.count <= dead.count + 6)
      }
    }
  }

  /// Nobody claims after the dead one: the reader passes its last claim alone.
  @Test(arguments: ["loan", "idle"])
  func aReaderPassesADeadLoanByItself(state: String) throws {
    try withBus(Self.configuration, "last") { bus in
      var subscriber = try bus.subscriber()
      let holder = try Actor(["loan", "bus=\(bus.name)", "length=500"])
      #expect(try holder.line() == "loan 0")
      let later = state == "loan" ? try bus.publisher() : nil
      try later?.publish("behind")
      #expect(try subscriber.copy(within: .milliseconds(20)) == nil)
      holder.kill()
      #expect(holder.wait() == -SIGKILL)
      let publisher = state == "loan" ? nil : try bus.publisher()
      try publisher?.publish("behind")
      let started = monotonicNanoseconds()
      #expect(try subscriber.text() == "behind")
      #expect(monotonicNanoseconds() - started < 2_000_000_000)
      _ = consume later
    }
  }

  @Test func publishersGoOnWhenASubscriberIsKilledThatHoldsTheRing() throws {
    try withBus(Self.configuration, "hold") { bus in
      for round in 0..<5 {
        let publisher = try bus.publisher()
        let holder = try Actor(["hold", "bus=\(bus.name)", "count=10"])
        #expect(try holder.line() == "ready")
        fill(publisher)
        let word = try holder.line()
        #expect(word?.hasPrefix("holding") == true, "round \(round)")
        fill(publisher)
        holder.kill()
        #expect(holder.wait() == -SIGKILL)
        let started = monotonicNanoseconds()
        try publisher.publish("goes on", timeout: patience)
        #expect(monotonicNanoseconds() - started < 2_000_000_000)
        for number in 0..<300 { try publisher.publish("\(number)", timeout: .zero) }
      }
    }
  }

  /// Publishes until the ring is full; whoever holds it stops reading long before this ends.
  private func fill(_ publisher: borrowing Publisher) {
    let published = (0..<10_000).prefix { _ in
      (try? publisher.publish("x", timeout: .zero)) != nil
    }
    #expect(published.count < 10_000, "nobody holds the ring")
  }

  /// Held already and asleep when the subscriber dies: nobody wakes the publisher but its own patience.
  @Test func aSleepingPublisherFindsOutByItself() throws {
    try withBus(Self.configuration, "asleep") { bus in
      let holder = try Actor(["hold", "bus=\(bus.name)"])
      #expect(try holder.line() == "ready")
      let filled = Shared(false)
      let waited = Shared<UInt64?>(nil)
      let killed = Shared<UInt64>(0)
      let blocked = Thread {
        guard let publisher = try? bus.publisher(wait: .sleep) else { return }
        for _ in 0..<128 { _ = try? publisher.publish("x") }
        filled.change { $0 = true }
        guard (try? publisher.publish("goes on", timeout: patience)) != nil else { return }
        let now = monotonicNanoseconds()
        waited.change { $0 = now - killed.value }
      }
      #expect(eventually { filled.value })
      _ = try? bus.status()
      killed.change { $0 = monotonicNanoseconds() }
      holder.kill()
      holder.wait()
      blocked.join()
      #expect((waited.value ?? .max) < 1_000_000_000, "\(waited.value ?? 0) ns")
    }
  }
}

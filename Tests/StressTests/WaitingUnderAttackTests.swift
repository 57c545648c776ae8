import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// Waiters and wakers are killed, their words are overwritten, and they are woken for nothing. Nobody crashes,
/// every wait ends, and what was published arrives.
@Suite(.serialized) struct WaitingUnderAttackTests {
  static let configuration = BusConfiguration(slots: 64, slotSize: 64)

  /// Sleepers and those who wake them are killed at random moments; those who stay get everything.
  @Test func sleepersAndWakersAreKilled() throws {
    var seed = Seed.announced("killed sleepers and wakers")
    try withBus(Self.configuration, "sleepers") { bus in
      let stayer = try Actor(["subscribe", "bus=\(bus.name)", "wait=sleep"])
      #expect(try stayer.line() == "ready")
      let lines = Shared<[String]>([])
      nonisolated(unsafe) let reader = stayer
      let collecting = Thread {
        // Ends: with the bus.
        while let line = unsafe try? reader.line(within: 60) { lines.change { $0.append(line) } }
      }
      for round in 0..<30 {
        let sleepers = try (0..<2).map { _ in
          try Actor(["subscribe", "bus=\(bus.name)", "wait=sleep", "from=latest"])
        }
        let waker = try Actor([
          "publish", "bus=\(bus.name)", "publisher=\(round)", "count=1000000", "way=single",
        ])
        for actor in sleepers + [waker] { #expect(try actor.line() == "ready") }
        waker.tell("go")
        for actor in (sleepers + [waker]).shuffled(using: &seed) {
          _ = usleep(UInt32.random(in: 0..<3_000, using: &seed))
          actor.kill()
        }
        let said = try waker.rest().compactMap { UInt64($0.prefix { $0 != " " }) }
        // The stayer is asleep or held in the middle of its wait, and still gets on.
        let arrived = eventually {
          lines.value.last.map { Self.offset(of: $0) ?? 0 >= said.last ?? 0 } ?? said.isEmpty
        }
        #expect(arrived, "round \(round): \(said.count) said, \(lines.value.count) read")
      }
      try Bus.remove(bus.name, force: true)
      collecting.join()
      #expect(lines.value.last == "removed")
      let offsets = lines.value.compactMap(Self.offset)
      #expect(offsets == Array(Set(offsets)).sorted())
      #expect(!lines.value.contains { $0.hasSuffix("TORN") })
    }
  }

  private static func offset(of line: String) -> UInt64? {
    let words = line.split(separator: " ")
    return words.count == 6 ? UInt64(words[1]) : nil
  }

  /// Random values in every word that waiting rests on, all the time.
  @Test func wordsOfWaitingAreOverwritten() throws {
    let seed = Seed.announced("overwritten words")
    try underAttack(count: 200) { bus, round in
      var seed = seed.branch(round)
      let words = Self.words(of: bus)
      let word = words[Int(seed.next() % UInt64(words.count))]
      let values: [UInt64] = [
        0, 1, .max, 1 << 31, 0x7fff_ffff, 0xffff_ffff, 1 << 20, seed.next(), seed.next() & 3,
      ]
      word.storeRelaxed(values[Int(seed.next() % UInt64(values.count))])
    }
  }

  /// Every sleeper is woken, again and again, and nothing has happened.
  @Test func sleepersAreWokenForNothing() throws {
    try underAttack(count: 200) { bus, _ in
      for row in Self.rows(of: bus) {
        let endpoint = bus.map.endpoint(row)
        let semaphore = unsafe Semaphore(endpoint.semaphore)
        unsafe Futex.wakeOne(semaphore.word)
        semaphore.post()
      }
    }
  }

  /// Every wake is lost: flags and tokens are taken away as soon as they are there.
  @Test func wakesAreTakenAway() throws {
    try underAttack(count: 30) { bus, _ in
      for row in Self.rows(of: bus) {
        let endpoint = bus.map.endpoint(row)
        endpoint.asleep.storeRelaxed(0)
        _ = unsafe Semaphore(endpoint.semaphore).take()
      }
      let partition = bus.map.partition(0)
      partition.sleepers.storeRelaxed(0)
      partition.blocked.storeRelaxed(0)
    }
  }

  private typealias Semaphore = ShmBus.Semaphore

  /// The rows in use by the two processes below.
  private static func rows(of bus: Bus) -> [Int] { [0, bus.configuration.maxPublishers] }

  private static func words(of bus: Bus) -> [SharedWord] {
    let partition = bus.map.partition(0)
    return rows(of: bus).flatMap { row in
      let endpoint = bus.map.endpoint(row)
      return unsafe [endpoint.asleep, SharedWord(endpoint.semaphore)]
    } + [partition.sleepers, partition.blocked]
  }

  /// Two processes that sleep at every turn, for messages and for room, while `attack` runs without pause.
  /// Not more messages than the writer can say to somebody who does not listen.
  private func underAttack(
    count: Int, _ attack: @escaping @Sendable (Bus, UInt64) -> Void
  ) throws {
    try withBus(Self.configuration, "attack") { bus in
      let reader = try Actor(["subscribe", "bus=\(bus.name)", "wait=sleep"])
      #expect(try reader.line() == "ready")
      let writer = try Actor([
        "publish", "bus=\(bus.name)", "count=\(count)", "way=single", "wait=sleep", "pause=300",
      ])
      #expect(try writer.line() == "ready")
      let isOver = Shared(false)
      let attacker = Thread {
        var round: UInt64 = 0
        // Ends: with the messages.
        while !isOver.value {
          attack(bus, round)
          round += 1
          _ = usleep(20)
        }
      }
      defer {
        isOver.change { $0 = true }
        attacker.join()
      }
      writer.tell("go")
      for number in 0..<count {
        let line = try reader.line(within: 30)
        #expect(line?.hasSuffix("0 \(number) whole") == true, "\(line ?? "nothing")")
      }
      #expect(try writer.rest().last == "end")
      #expect(writer.wait() == 0)
      try Bus.remove(bus.name, force: true)
      #expect(try reader.rest() == ["removed"])
      #expect(reader.wait() == 0)
    }
  }
}

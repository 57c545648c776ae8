import Glibc
import ShmBus
import TestSupport
import Testing

/// Members join, leave, die and hang while publishers run, all by a seed. A second and a half here;
/// `scripts/group-soak` runs it for longer.
@Suite(.serialized) struct GroupSoakTests {
  private static let partitions = 6

  /// How long it goes on, in seconds.
  private static let seconds: Double =
    unsafe getenv("SHMBUS_SOAK_SECONDS").flatMap { unsafe Double(String(cString: $0)) } ?? 1.5

  /// A member's process, and all that it said.
  private final class Member {
    let actor: Actor
    let number: Int
    /// It was killed, or stopped for longer than it may be silent: others may have been given what
    /// it handled.
    var suffered = false
    private let heard = Shared<[String]>([])
    private let listener: Thread

    init(_ bus: Bus, _ number: Int, _ commit: String) throws {
      self.number = number
      actor = try Actor(["member", "bus=\(bus.name)", "commit=\(commit)"])
      // On a thread of its own: a member that nobody listens to would stand still.
      nonisolated(unsafe) let actor = actor
      let heard = heard
      listener = Thread {
        while let line = unsafe try? actor.line(within: 120) { heard.change { $0.append(line) } }
      }
    }

    var lines: [String] { heard.value }

    /// After its end.
    func join() { listener.join() }
  }

  @Test func atLeastOnceAndNeverTwoOwners() throws {
    var seed = Seed.announced("group soak")
    let configuration = BusConfiguration(
      partitions: Self.partitions, slots: 256, slotSize: 64)
    try withBus(configuration, "soak") { bus in
      try bus.createGroup(.group("g", maxPollInterval: .milliseconds(400)), from: .earliest)
      let isOver = Shared(false)
      let published = Shared<[Int]>([0, 0])
      let threads = (0..<2).map { publisher in
        Thread { Self.publish(bus, publisher, isOver, published) }
      }
      var members: [Member] = []
      var gone: [Member] = []
      let end = monotonicNanoseconds() + UInt64(Self.seconds * 1e9)
      while monotonicNanoseconds() < end {
        try step(bus, &members, &gone, &seed)
        _ = usleep(UInt32.random(in: 0..<60_000, using: &seed))
      }
      isOver.change { $0 = true }
      for thread in threads { thread.join() }
      // Whoever is there, or comes now, finishes it.
      members.append(try Member(bus, gone.count + members.count, "each"))
      let isDone = try eventually(within: 60) { try bus.group("g").lag == 0 }
      #expect(isDone, "everything published is committed")
      for member in members { member.actor.tell("leave") }
      for member in members { member.join() }
      check(gone + members, published.value)
    }
  }

  private static func publish(
    _ bus: Bus, _ publisher: Int, _ isOver: Shared<Bool>, _ published: Shared<[Int]>
  ) {
    guard let own = try? bus.publisher() else { return }
    var number = 0
    while !isOver.value {
      let bytes = Pattern.bytes(publisher, number, count: 24)
      let partition = number % Self.partitions
      guard (try? own.publish(bytes, partition: partition, timeout: .seconds(60))) != nil
      else { return }
      number += 1
      let total = number
      published.change { $0[publisher] = total }
      if number % 50 == 0 { _ = usleep(500) }
    }
  }

  private func step(
    _ bus: Bus, _ members: inout [Member], _ gone: inout [Member], _ seed: inout Seed
  ) throws {
    if members.isEmpty || (members.count < 5 && seed.oneIn(2)) {
      let commit = seed.oneIn(3) ? "later" : "each"
      members.append(try Member(bus, gone.count + members.count, commit))
      return
    }
    let place = Int(seed.next() % UInt64(members.count))
    let member = members[place]
    switch seed.next() % 4 {
    case 0:
      member.actor.tell("leave")
    case 1:
      member.suffered = true
      member.actor.kill()
    case 2:
      member.suffered = true
      member.actor.kill(SIGSTOP)
      _ = usleep(600_000)
      member.actor.kill(SIGCONT)
      return
    default: return
    }
    members.remove(at: place)
    member.join()
    gone.append(member)
  }

  private func check(_ members: [Member], _ published: [Int]) {
    var handlers: [[Int]: [Int]] = [:]
    var committed: Set<[Int]> = []
    var twice: [[Int]] = []
    for member in members {
      // What was lost was lost for being silent, whoever is to blame: a busy machine stops
      // processes, too.
      let lines = member.lines
      let lost =
        member.suffered || lines.contains { $0.hasPrefix("lost") || $0.hasPrefix("fenced") }
      for line in lines {
        let words = line.split(separator: " ")
        let numbers = words.dropFirst().compactMap { Int($0) }
        switch words.first {
        case "m": handlers[[numbers[2], numbers[3]], default: []].append(lost ? -1 : member.number)
        case "c": if !committed.insert(numbers).inserted { twice.append(numbers) }
        default: break
        }
      }
      checkOrder(member)
    }
    #expect(twice.isEmpty, "committed by two")
    let messages = published.enumerated().flatMap { publisher, count in
      (0..<count).map { [publisher, $0] }
    }
    #expect(messages.filter { handlers[$0] == nil }.isEmpty, "lost, of \(messages.count)")
    let repeated = messages.filter { (handlers[$0] ?? []).filter { $0 >= 0 }.count > 1 }
    #expect(repeated.isEmpty, "handled twice though nobody was silent")
  }

  /// Within one assignment a partition's messages come in order, and so do one key's.
  private func checkOrder(_ member: Member) {
    var last: [Int: Int] = [:]
    for line in member.lines {
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().compactMap { Int($0) }
      if ["assigned", "lost", "revoked"].contains(words.first) {
        for partition in numbers { last[partition] = nil }
      } else if words.first == "m" {
        if numbers[1] <= last[numbers[0]] ?? -1 {
          Issue.record("member \(member.number) got out of order: \(line)")
        }
        last[numbers[0]] = numbers[1]
      }
    }
  }
}

import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// A real process with open claims, which can be stopped, continued and killed.
final class Holder {
  let actor: Actor
  /// Offsets of its open loans.
  private(set) var loans: [Offset] = []
  private var said: [String] = []

  /// Starts it and waits until its claims are open.
  init(_ bus: Bus, _ part: String, _ count: Int, bytes: Int, gap: Int = 0) throws {
    let program = Actor.program("claim-holder")
    actor = try Actor(command: [program, bus.name, part, "\(count)", "\(bytes)", "\(gap)"])
    while let line = try actor.line(), line != "open" {
      let words = line.split(separator: " ")
      try #require(words.first == "loan", "\(line)")
      loans.append(try #require(Offset(words[1])))
    }
  }

  /// Stops it and waits until it has stopped.
  func stop() {
    actor.kill(SIGSTOP)
    holds(eventually { text(of: "/proc/\(actor.pid)/stat").contains(") T ") })
  }

  /// Lets it run, and go on with its claims.
  func goOn() {
    actor.kill(SIGCONT)
    actor.tell("go")
  }

  /// What it says of its claims, the last opened first.
  func verdicts() throws -> [String] {
    while said.last != "done", let line = try actor.line() { said.append(line) }
    return said.dropLast()
  }

  /// Whether it has said all it had to say; what it says is kept.
  func isDone() throws -> Bool {
    while said.last != "done", let line = try? actor.line(within: 0.001) { said.append(line) }
    return said.last == "done"
  }

  func kill() {
    actor.kill()
    actor.wait()
  }
}

/// A bus that loses patience after 200 ms.
func impatient(
  _ whenFull: BusConfiguration.WhenFull = .block, slots: Int = 64, slotSize: Int = 64,
  timeout: Duration = .milliseconds(200)
) -> BusConfiguration {
  BusConfiguration(
    slots: slots, slotSize: slotSize, whenFull: whenFull, claimTimeout: timeout, indexSpacing: 8)
}

extension Bus {
  func stream(timeout: Duration = .seconds(20)) throws -> Stream {
    Stream(try publisher(timeout: timeout))
  }

  /// Rows of the quarantine table in use, and whether the stamp says that there are any.
  var quarantined: (rows: Int, isStamped: Bool) {
    let used = (0..<map.layout.quarantineRows).count {
      Verdict(map.quarantineRow($0, partition: 0).verdict.loadAcquire()).state != .free
    }
    return (used, map.partition(0).quarantineStamp.loadAcquire() & 1 != 0)
  }
}

/// Publishes numbered patterns of many lengths, and checks that readers see exactly these.
struct Stream: ~Copyable {
  let publisher: Publisher
  let ring: Ring
  private(set) var number = 0
  /// Slots of the ring that messages were put into since this was emptied last.
  var used: Set<UInt64> = []
  /// What was published and not yet read, by offset.
  private(set) var sent: [(offset: Offset, number: Int, count: Int)] = []

  init(_ publisher: consuming Publisher) {
    ring = publisher.core.segments[0].ring
    self.publisher = publisher
  }

  mutating func publish(count: Int? = nil) throws {
    let count = count ?? 8 + number * 37 % 180
    let offset = try publisher.publish(Pattern.bytes(1, number, count: count))
    for slot in 0..<ring.span(of: count) { used.insert((offset + slot) & ring.mask) }
    sent.append((offset, number, count))
    number += 1
  }

  /// All that was published since the last check arrives, whole and in order, and nothing else.
  mutating func check(_ subscriber: inout Subscriber, keep: Bool = false) throws {
    for message in sent {
      let found = try #require(try subscriber.copy(), "message \(message.number) never came")
      #expect(found.offset == message.offset)
      #expect(found.payload == Pattern.bytes(1, message.number, count: message.count))
    }
    #expect(try subscriber.copy(within: .zero) == nil)
    if !keep { sent = [] }
  }

  /// Readers that join now are not asked for what was sent before.
  mutating func forget() { sent = [] }

  /// Publishes and checks until the cursor has gone round `laps` times.
  mutating func lap(
    _ laps: UInt64, _ subscriber: inout Subscriber, _ observer: inout Subscriber
  ) throws {
    let end = ring.end + laps * ring.capacity
    while ring.end < end {
      for _ in 0..<3 { try publish() }
      try check(&subscriber, keep: true)
      try check(&observer)
    }
  }
}

/// Whether a loan's owner is told that the bus went on without it.
func isFenced(_ loan: consuming Loan) -> Bool {
  do {
    try loan.publish()
    return false
  } catch { return error == .fenced }
}

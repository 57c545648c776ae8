import CTracing
import Glibc
import ShmBus
import TestSupport

/// One operation that is interrupted at every instruction, and what it is done on.
struct Scenario {
  let name: String
  /// What it is, for the table.
  let about: String
  /// Where in the log it begins: the cursor at the first mark.
  var at = 0
  /// The victim's messages that the operation publishes, claim by claim: each claim is delivered whole
  /// or not at all. The victim's own earlier messages have the numbers 0 and 1.
  var claims: [[Int]] = []
  /// How many slots are taken before the first mark, by the victim and by the dead publisher.
  var slotsBefore = 2
  var claimTimeout = Duration.seconds(30)
  /// A subscriber sleeps in the kernel meanwhile.
  var hasSleeper = false
  /// A publisher sleeps at the full ring meanwhile.
  var hasBlocked = false
  /// A publisher that holds what it claimed until it is killed, at the victim's first mark.
  var dead: ((Stage) throws -> Void)?
  /// Others that are attached all the time; they hold nothing up but a full ring.
  var mayHaveBystander = true
  /// How far the operation got, where it publishes nothing.
  var progress: ((_ before: Segments.Image, _ now: Segments) -> Outcome)?
  /// What the victim does.
  let play: (Stage) throws -> Void
}

/// How far a killed operation had got.
enum Outcome: Int, Comparable, CaseIterable {
  /// Nothing can be seen of it.
  case never
  /// It had begun, and was given up: slots became padding.
  case padding
  /// It is done: its messages are delivered.
  case done

  static func < (one: Outcome, other: Outcome) -> Bool { one.rawValue < other.rawValue }
}

/// What a victim acts with.
struct Stage {
  let bus: Bus
  let line: Line
  private let own = getpid()

  init(_ name: String, _ line: Line) throws {
    bus = try Bus.open(name)
    self.line = line
  }

  /// The first and the last mark of the operation.
  func begin() { tracing_mark(own, SIGUSR1) }
  func end() { tracing_mark(own, SIGUSR2) }

  /// What was published where. `kept` lives until here, so that freeing it is no part of the operation.
  func say<Kept>(_ published: [Int: UInt64], _ kept: Kept) {
    withExtendedLifetime(kept) {
      line.say("ok " + published.map { "\($0.key)@\($0.value)" }.joined(separator: ","))
    }
  }

  /// The operation failed: fenced is an answer, everything else is not.
  func fail(_ error: any Error) {
    end()
    line.say(error as? PublishError == .fenced ? "fenced" : "bad \(error)")
  }

  /// The payload of a message of the victim's.
  func payload(_ number: Int, _ count: Int) -> [UInt8] {
    Pattern.bytes(Name.victim, number, count: count)
  }

  /// A publisher on its usual path: the gate is cached, and the clock's line is drawn.
  func warm(_ publisher: borrowing Publisher, as name: Int = Name.victim) throws {
    try publisher.publish(Pattern.bytes(name, 0, count: 40))
    usleep(6_000)
    try publisher.publish(Pattern.bytes(name, 1, count: 40))
  }
}

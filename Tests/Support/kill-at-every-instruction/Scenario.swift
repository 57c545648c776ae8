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
  /// Slots before that which are not early messages: of the victim, and of the dead publisher.
  var slotsBefore = 2
  /// How many messages the victim has published before, with the numbers from 0 on.
  var published = 2
  /// The messages that the operation publishes, claim by claim: each claim is delivered whole or
  /// not at all.
  var claims: [[Int]] = []
  var claimTimeout = Duration.seconds(30)
  /// A subscriber sleeps in the kernel meanwhile.
  var hasSleeper = false
  /// A publisher sleeps at the full ring meanwhile.
  var hasBlocked = false
  /// A publisher that holds what it claimed, from its first mark on, until the victim is at its
  /// own.
  var dead: ((Stage) throws -> Void)?
  /// The same, but it is only stopped, and goes on when all is over.
  var ownerLives = false
  /// Whether the victim's earlier messages may be overwritten before they are read.
  var mayOverwrite = false
  /// Others may be attached all the time.
  var mayHaveBystander = true
  /// It means nothing without them.
  var mustHaveBystander = false
  /// The group that it is about; who goes on is then a member of it.
  var group: GroupPlan?
  /// Whether another publisher may go round the ring while the victim is stopped: not where a
  /// stopped subscriber holds it.
  var mayBeLapped = false
  /// Whether the bus is there before.
  var busExists = true
  /// Whether the bus has a state directory, and whether it holds a checkpoint before.
  var keepsState = false
  var hasCheckpoint = true
  /// Whether every victim takes the same way, so that no later instruction undoes what an earlier one
  /// has done. Searching the quarantine table depends on the time, and loops differ.
  var isRepeatable = true
  /// How far the operation got, where it publishes nothing.
  var progress: ((Cast) -> Outcome)?
  /// What the victim does.
  let play: (Stage) throws -> Void

  /// Whether what returned must be done; an abort delivers nothing.
  var mustBeDone: Bool { progress != nil || !claims.isEmpty }

  static var all: [Scenario] {
    publishing + claiming + reading + grouping + recovering + quarantining + cold + keeping
  }
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
  let bus: String
  let line: Line
  /// Whether every instruction will be stepped: time goes by then.
  var isStepped = false
  private let own = getpid()

  init(_ bus: String, _ line: Line) {
    self.bus = bus
    self.line = line
  }

  func open() throws -> Bus { try Bus.open(bus) }

  /// The first and the last mark of the operation.
  func begin() { tracing_mark(own, SIGUSR1) }
  func end() { tracing_mark(own, SIGUSR2) }

  /// What was published where. `kept` lives until here, so that freeing it is no part of the
  /// operation.
  func say<Kept>(_ published: [Int: UInt64], _ kept: Kept) {
    withExtendedLifetime(kept) {
      line.say("ok " + published.map { "\($0.key)@\($0.value)" }.joined(separator: ","))
    }
  }

  /// The operation failed: fenced is an answer, everything else is not.
  func fail(_ error: any Error) {
    end()
    line.say(error as? PublishError == .fenced ? "ok " : "bad \(error)")
  }

  /// The payload of a message of the victim's.
  func payload(_ number: Int, _ count: Int) -> [UInt8] {
    Pattern.bytes(Name.victim, number, count: count)
  }

  /// Lets the clock's line be drawn by the next message.
  func rest() { usleep(isStepped ? 200_000 : 4_000) }

  /// A publisher on its usual path: the gate is cached, and the clock's line is drawn. The line
  /// lasts for as long as was rested, and two milliseconds are the least.
  func warm(_ publisher: borrowing Publisher, as name: Int = Name.victim) throws {
    try publisher.publish(Pattern.bytes(name, 0, count: 40))
    if name == Name.victim { rest() }
    try publisher.publish(Pattern.bytes(name, 1, count: 40))
  }
}

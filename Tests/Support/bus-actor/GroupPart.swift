import Glibc
import ShmBus
import TestSupport

/// A member of a group: says what it is given and what it commits, until it is told to leave.
///
/// ```
///   ready
///   assigned 0 2 | revoked 2 | lost 0     a change of partitions
///   m PARTITION OFFSET PUBLISHER NUMBER   handled; said before the commit
///   c PARTITION OFFSET                    committed, by itself
///   fenced PARTITION OFFSET               the commit was refused
///   void PARTITION OFFSET                 not handled: the partition was somebody else's already
///   gap PARTITION FROM TO
/// ```
///
/// `commit`: `each` after its message, `first` before it is said, `later`, `none`, or `revoked`:
/// only then.
struct GroupPart {
  private let plan: Plan
  private let commit: String

  init(_ plan: Plan) {
    self.plan = plan
    commit = plan.text("commit", "each")
  }

  func run() throws {
    let bus = try Bus.open(plan.bus)
    let from: StartPosition = plan.text("from", "earliest") == "latest" ? .latest : .earliest
    let commitsRevoked = commit == "revoked"
    let options = GroupOptions.group(
      plan.text("group", "g"), maxPollInterval: .milliseconds(plan.number("poll", 300_000)),
      onChange: { change in
        say("\(change.kind) " + change.partitions.map(String.init).joined(separator: " "))
        if change.kind == .revoked, commitsRevoked { try? change.commit() }
      })
    var member = try bus.subscriber(options, from: from)
    say("ready")
    let count = plan.number("count", .max)
    var handled = 0
    while handled < count, !isTold {
      do {
        guard var message = try member.next(timeout: .milliseconds(20)) else { continue }
        handle(&message)
        handled += 1
      } catch {
        guard case .gap(let gap) = error else { throw error }
        say("gap \(gap.partition) \(gap.from) \(gap.to)")
      }
    }
    if handled == count {
      say("holding")
      // Hangs: polls no more, until it is told to go on; then it leaves.
      awaitWord()
    }
    try? member.close()
    say("left")
  }

  private func handle(_ message: inout Message) {
    let (partition, offset) = (message.partition, message.offset)
    let name = Pattern.name(of: message.bytes)
    let line = "m \(partition) \(offset) \(name?.publisher ?? -1) \(name?.number ?? -1)"
    do {
      switch commit {
      case "each":
        say(message.isVoid ? "void \(partition) \(offset)" : line)
        try message.commit()
        say("c \(partition) \(offset)")
      case "first":
        try message.commit()
        say(line)
      case "later":
        say(line)
        message.commitLater()
      default: say(line)
      }
    } catch { say("fenced \(partition) \(offset)") }
  }

  /// Whether the test has said anything, or is gone.
  private var isTold: Bool {
    var poller = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&poller, 1, 0) > 0
  }
}

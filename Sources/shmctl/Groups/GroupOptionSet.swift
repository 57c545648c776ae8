import Arguments
import ShmBus

/// The options of a member of a group.
struct GroupOptionSet: Sendable {
  private enum Commit: String, CaseIterable, Sendable {
    case auto
    case none
  }

  private enum Sharing: String, CaseIterable, Sendable {
    case sticky
    case range
    case roundRobin = "round-robin"
    case broadcast

    var assignor: Assignor {
      switch self {
      case .sticky: .sticky
      case .range: .range
      case .roundRobin: .roundRobin
      case .broadcast: .broadcast
      }
    }
  }

  private let commit = Option(
    "commit", .choice(Commit.self), default: .auto,
    help: "In a group: commit what was written, or leave its heads where they are.")
  private let assignor = Option(
    "assignor", .choice(Sharing.self), default: .sticky,
    help: "In a group: who gets which partition. All members must say the same.")
  private let member = Option(
    "member", .string.named("NAME"),
    help: "In a group: a name that gets the same partitions after a restart.")
  private let maxPollInterval = Option(
    "max-poll-interval", .duration, default: .seconds(300),
    help: "In a new group: who asks for no message for so long loses its partitions.")
  private let nonHolding = Flag(
    "non-holding", help: "In a new group: publishers do not wait for it; it may miss messages.")

  var all: [any Parameter] { [commit, assignor, member, maxPollInterval, nonHolding] }

  /// Refuses what means nothing outside a group.
  func check(_ parsed: Parsed, group: String?) throws(UsageError) {
    let given: [(String, Bool)] = [
      ("--commit", parsed.contains(commit)), ("--assignor", parsed.contains(assignor)),
      ("--member", parsed.contains(member)),
      ("--max-poll-interval", parsed.contains(maxPollInterval)),
      ("--non-holding", parsed.contains(nonHolding)),
    ]
    if group == nil, let (name, _) = given.first(where: \.1) {
      throw UsageError("\(name) is for members of a group; name one with --group")
    }
    if parsed[assignor] == .broadcast, parsed[member] == nil {
      throw UsageError(
        "--assignor broadcast needs --member NAME: each name has heads of its own in a broadcast")
    }
  }

  func membership(
    _ parsed: Parsed, _ group: String, _ sink: Sink, ends: [Int: Offset]
  ) -> Membership {
    Membership(
      group: group, broadcastMember: parsed[assignor] == .broadcast ? parsed[member] : nil,
      commits: parsed[commit] == .auto, sink: sink, ends: ends)
  }

  func options(_ parsed: Parsed, _ membership: Membership) -> GroupOptions {
    .group(
      membership.group, assignor: parsed[assignor].assignor,
      maxPollInterval: parsed[maxPollInterval], holdsPublishers: !parsed[nonHolding],
      member: parsed[member], onChange: { membership.changed($0) })
  }
}

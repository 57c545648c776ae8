/// How a subscriber takes part in a group.
///
/// ```swift
/// var subscriber = try bus.subscriber(.group("billing"), from: .earliest)
/// ```
public struct GroupOptions {
  /// The group's name: 1 to 64 letters, digits, '-' or '_'.
  public var name: String
  /// Who gets which partition. All members must use the same.
  public var assignor: Assignor
  /// A member that does not ask for a message for so long loses its partitions. The group's:
  /// whoever creates it decides, and the others take what it has.
  public var maxPollInterval: Duration
  /// Whether publishers wait for the group on a `block` bus. One that does not hold them may miss
  /// messages, and is told how many. The group's, like ``maxPollInterval``.
  public var holdsPublishers: Bool
  /// A name of this member's own that outlives its process: it gets the same partitions again. In a
  /// broadcast group each name has heads of its own, so it is needed there.
  public var member: String?
  /// What to do when the next message is gone.
  public var whenGone: GapPolicy
  /// Told of partitions that come and go, by the thread that asks for a message, before it gets
  /// one.
  public var onChange: ((borrowing GroupChange) -> Void)?

  /// A group by its name, created by whoever comes first.
  public static func group(
    _ name: String, assignor: Assignor = .sticky, maxPollInterval: Duration = .seconds(300),
    holdsPublishers: Bool = true, member: String? = nil, whenGone: GapPolicy = .earliest,
    onChange: ((borrowing GroupChange) -> Void)? = nil
  ) -> GroupOptions {
    GroupOptions(
      name: name, assignor: assignor, maxPollInterval: maxPollInterval,
      holdsPublishers: holdsPublishers, member: member, whenGone: whenGone, onChange: onChange)
  }

  /// Refuses what cannot be.
  func validate() throws(BusError) {
    for name in [name] + (member.map { [$0] } ?? []) where !BusName.isValid(name) {
      throw BusError(
        .usage,
        "'\(name)' is not a name for a group or a member: use 1 to 64 letters, digits, '-' or '_'")
    }
    guard maxPollInterval >= .milliseconds(10), maxPollInterval < .seconds(86_400 * 365) else {
      throw BusError(.usage, "maxPollInterval must be 10 ms at least, and less than a year")
    }
    if case .broadcast = assignor, member == nil {
      throw BusError(
        .usage,
        "a member of broadcast group '\(name)' needs a name of its own, under which its heads are kept: "
          + "set 'member'")
    }
  }

  /// As the group's row keeps them.
  var fields: GroupFields {
    GroupFields(
      name: name, assignor: assignor.code, holdsPublishers: holdsPublishers,
      maxPollInterval: maxPollInterval.nanoseconds)
  }
}

/// Where to go on when the next message is gone: overwritten, or never there. The gap is thrown
/// first.
public enum GapPolicy: Sendable, Equatable {
  /// With the oldest message that is still there.
  case earliest
  /// With the next message to be published.
  case latest
  /// Nowhere: the gap is thrown again until ``Subscriber/seek(partition:to:)`` says where.
  case fail
}

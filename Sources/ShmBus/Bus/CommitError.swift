/// Why a commit in a group did not count. The messages are delivered again, to whoever owns the
/// partition now.
public enum CommitError: Error, Equatable, Sendable {
  /// The partition belongs to another member by now: this one did not poll within the group's
  /// limit.
  case fenced(partition: Int, maxPollInterval: Duration)
  /// Somebody moved the group's head: reading goes on from there.
  case reset(partition: Int)
  /// The group was deleted.
  case deleted
  /// The partition is not this member's.
  case notOwned(partition: Int)
}

extension CommitError: CustomStringConvertible {
  /// One sentence, with the way out.
  public var description: String {
    switch self {
    case .fenced(let partition, let interval):
      "partition \(partition) belongs to another member by now, because this one did not ask for a message"
        + " within the group's maxPollInterval of \(interval); handle messages faster, take fewer at a time,"
        + " or create the group with a longer maxPollInterval"
    case .reset(let partition):
      "somebody reset the group in partition \(partition); reading goes on from the new place"
    case .deleted: "the group was deleted; join it again to create it anew"
    case .notOwned(let partition):
      "partition \(partition) is not this member's; commit before it is revoked"
    }
  }
}

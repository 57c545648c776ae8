/// Partitions that come to a member of a group, or go: what ``GroupOptions/onChange`` is told.
@safe
public struct GroupChange: ~Copyable, ~Escapable {
  /// What happens to them.
  public enum Kind: Sendable, Equatable {
    /// They are this member's from now on. None at all: there are more members than partitions, and
    /// this one waits.
    case assigned
    /// They go to another member when the callback returns, and can be committed until then.
    case revoked
    /// They went already: this member did not poll in time, or the group was reset or deleted.
    case lost
  }

  /// What happens to them.
  public let kind: Kind
  /// Which, ascending.
  public let partitions: [Int]
  private let state: UnsafeMutablePointer<SubscriberState>

  @_lifetime(borrow core)
  init(_ kind: Kind, _ partitions: [Int], _ core: borrowing SubscriberCore) {
    self.kind = kind
    self.partitions = partitions
    unsafe state = core.state
  }

  /// The next offset to be read in a partition that is held; nil in every other.
  public func position(inPartition partition: Int) -> Offset? {
    unsafe state.pointee.track(partition).map { unsafe $0.pointee.position }
  }

  /// Commits everything handed out of ``partitions``.
  ///
  /// - Throws: ``CommitError``: `.notOwned` when they are lost.
  public func commit() throws(CommitError) {
    for partition in partitions {
      guard let position = position(inPartition: partition) else {
        throw .notOwned(partition: partition)
      }
      try commit(partition: partition, upTo: position)
    }
  }

  /// Commits one partition, up to the next offset to be read.
  public func commit(partition: Int, upTo end: Offset) throws(CommitError) {
    try unsafe SubscriberCore.commit(state, partition: partition, upTo: end)
  }
}

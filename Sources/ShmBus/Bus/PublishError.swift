/// Why a message could not be published.
public enum PublishError: Error, Equatable, Sendable {
  /// The ring stayed full until the deadline; says who holds it and by how much.
  indirect case full(Holdup)
  /// The message and its key take more than `limit` bytes.
  case tooLarge(byteCount: Int, limit: Int)
  /// This publisher holds the ring with its own open loans, or has too many of them: publish or drop one.
  case heldByOwnLoans
  /// The claim was taken out of use because it was open for longer than the bus's claim timeout.
  case fenced
  /// The bus has been removed.
  case removed
  /// The partition has handed out its last offset (2^52).
  case exhausted
  /// There is no such partition.
  case noSuchPartition(Int)
  /// Somebody truncated a segment of the bus; nil is the control segment. Whether the message was published
  /// is not known. Only with ``TruncationGuard``: without it the process dies by SIGBUS.
  case truncated(partition: Int?)
  /// The file of a stored bus cannot be put on the disk: an `errno`. On a bus that syncs with every batch the
  /// message was published and may not survive the host; else nothing was published, because publishers
  /// may not go on before their offsets are safe.
  case storage(errno: Int32)
  /// This process is a forked child: the publisher is its parent's. Open the bus anew here.
  case forked

  /// Who holds a full ring.
  public struct Holdup: Equatable, Sendable {
    /// What kind of endpoint holds it.
    public enum Kind: Equatable, Sendable {
      /// A subscriber that has not read on.
      case subscriber
      /// A group whose head has not moved on.
      case group
      /// Another publisher with an open claim.
      case publisher
      /// Nobody the registry knows of any more.
      case unknown
    }
    /// What kind of endpoint holds it.
    public let kind: Kind
    /// The partition that is full.
    public let partition: Int
    /// Its row of the registry, or of the table of groups.
    public let row: Int
    /// The group's name; empty for every other kind.
    public let name: String
    /// Its process, or 0.
    public let pid: Int
    /// The offset it stands at.
    public let offset: Offset
    /// How many slots it is behind the cursor.
    public let behind: UInt64
    /// How long ago it last called its bus; zero for a group and for nobody. A subscriber that waits for a
    /// message calls ten times a second.
    public let silence: Duration
  }
}

extension PublishError: CustomStringConvertible {
  /// One sentence, with the way out.
  public var description: String {
    switch self {
    case .full(let holdup): holdup.description
    case .tooLarge(let byteCount, let limit):
      "a message of \(byteCount) bytes, key included, does not fit: the limit of this bus is \(limit)"
        + " bytes (a quarter of its ring, at most 4,095 slots); create it with a larger --slot-size"
        + " or more --slots"
    case .heldByOwnLoans:
      "this publisher holds the ring with its own open loans; publish or drop one of them"
    case .fenced:
      "the claim was open for longer than the bus's claim timeout and was given up for it; publish the"
        + " message again, and call keepAlive() or create the bus with a longer --claim-timeout"
    case .removed: "the bus has been removed"
    case .exhausted: "the partition has handed out its last offset; create the bus anew"
    case .noSuchPartition(let partition): "the bus has no partition \(partition)"
    case .truncated(let partition): BusError.truncatedSentence(partition)
    case .storage(let errno): SyncError.sentence(errno)
    case .forked: BusError.forkedSentence
    }
  }
}

extension PublishError.Holdup: CustomStringConvertible {
  /// One sentence, with the way out.
  public var description: String {
    let who =
      switch kind {
      case .subscriber: "the subscriber in row \(row) (pid \(pid))"
      case .group: "group '\(name)'"
      case .publisher: "an open claim of the publisher in row \(row) (pid \(pid))"
      case .unknown: "an endpoint that has just gone"
      }
    let age = pid == 0 ? "" : ", silent for \(Age.text(nanoseconds: silence.nanoseconds))"
    return
      "partition \(partition) is full: \(who) holds it at offset \(offset), \(behind) slots behind"
      + age
      + (kind == .group
        ? "; start a member of it, reset it ('shmctl group reset') or delete it ('shmctl group delete')"
        : "; wait for it, end it, or create the bus with --when-full overwrite")
  }
}

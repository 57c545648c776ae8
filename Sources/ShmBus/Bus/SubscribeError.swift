/// Why a subscriber could not give the next message.
public enum SubscribeError: Error, Equatable, Sendable {
  /// Messages are gone that were not read. Reading goes on behind the gap.
  case gap(Gap)
  /// What a segment says cannot be: it was damaged. The slots were skipped.
  case damaged(partition: Int, offset: Offset)
  /// The bus has been removed, and all that was there has been read.
  case removed
  /// Somebody truncated a segment of the bus; nil is the control segment. Bytes handed out last may have
  /// read as zeroes. Only with ``TruncationGuard``: without it the process dies by SIGBUS.
  case truncated(partition: Int?)
  /// This process is a forked child: the subscriber is its parent's. Open the bus anew here.
  case forked
  /// The group this subscriber was a member of has been deleted.
  case groupDeleted

  /// Offsets of a partition that are gone for this subscriber.
  public struct Gap: Equatable, Sendable {
    /// The partition.
    public let partition: Int
    /// The first offset that is gone.
    public let from: Offset
    /// The offset where reading goes on.
    public let to: Offset
    /// How many slots are gone.
    public var count: UInt64 { to &- from }
    /// Why they are gone.
    public var cause = Cause.overwritten

    /// What became of messages that were not read.
    public enum Cause: String, Sendable {
      /// Their slots were used again.
      case overwritten
      /// Somebody moved the partition's start: ``Bus/trim(before:partitions:)``.
      case trimmed
      /// The host went down before they were on the disk, or offsets were skipped because it did: after a
      /// reboot, on a stored bus (``Bus/restore(_:from:storage:key:keepsHouse:)``).
      case lost
      /// The bus was restored from a checkpoint: its messages went with the host's memory. Not all of these
      /// offsets need have been messages.
      case restored
    }
  }
}

extension SubscribeError: CustomStringConvertible {
  /// One sentence, with the way out.
  public var description: String {
    switch self {
    case .gap(let gap):
      "partition \(gap.partition): \(gap.count) slots from offset \(gap.from) were \(gap.cause.sentence)"
    case .damaged(let partition, let offset):
      "partition \(partition) is damaged at offset \(offset); look at it with 'dump-shm'"
    case .removed: "the bus has been removed"
    case .truncated(let partition): BusError.truncatedSentence(partition)
    case .forked: BusError.forkedSentence
    case .groupDeleted: "the group has been deleted; join it again to create it anew"
    }
  }
}

extension SubscribeError.Gap.Cause {
  fileprivate var sentence: String {
    switch self {
    case .overwritten:
      "overwritten before they were read; read faster, use more --slots, or --when-full block"
    case .lost:
      "lost when the host went down, or never handed out; call sync() for what must survive, or use --sync"
    case .restored:
      "lost with the host's memory: the bus was restored from its checkpoint"
    case .trimmed: "trimmed before they were read; reading goes on at the partition's new start"
    }
  }
}

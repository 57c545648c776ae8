import ShmBus
import ToolSupport

/// Where messages are written; shared with whom the group tells of partitions that go.
final class Sink {
  var output = OutputBuffer()
}

/// `subscribe` as a member of a group: what has been written is committed, and nothing else.
final class Membership {
  let group: String
  /// Whose heads they are, in a broadcast.
  let broadcastMember: String?
  private let commits: Bool
  private let sink: Sink
  /// By partition: nothing from there on is written, so nothing is committed.
  private let ends: [Int: Offset]
  /// Why output could not be written when partitions had to go.
  private var failure: OutputError?

  init(
    group: String, broadcastMember: String?, commits: Bool, sink: Sink, ends: [Int: Offset]
  ) {
    self.group = group
    self.broadcastMember = broadcastMember
    self.commits = commits
    self.sink = sink
    self.ends = ends
  }

  /// Called before the next message is handed out: all that were are in the sink.
  func changed(_ change: borrowing GroupChange) {
    switch change.kind {
    case .assigned where change.partitions.isEmpty:
      Program.warn("shmctl: group '\(group)' has more members than partitions; this one waits")
    case .assigned:
      break
    case .revoked where commits:
      do throws(OutputError) {
        try sink.output.flush()
        for partition in change.partitions {
          guard let position = change.position(inPartition: partition) else { continue }
          report { () throws(CommitError) in
            try change.commit(partition: partition, upTo: limited(position, in: partition))
          }
        }
      } catch { failure = error }
    case .revoked:
      break
    case .lost:
      let names = change.partitions.map { "\($0)" }.joined(separator: ", ")
      Program.warn(
        "shmctl: partition \(names) of group '\(group)' was taken away; what was not committed is "
          + "delivered again")
    }
  }

  /// Writes what waits, and commits what was written.
  func settle(_ subscriber: inout Subscriber) throws {
    if let failure { throw failure }
    guard commits else { return }
    try sink.output.flush()
    for partition in subscriber.assignment {
      guard let position = subscriber.position(inPartition: partition) else { continue }
      report { () throws(CommitError) in
        try subscriber.commit(partition: partition, upTo: limited(position, in: partition))
      }
    }
  }

  private func limited(_ position: Offset, in partition: Int) -> Offset {
    min(position, ends[partition] ?? position)
  }

  /// A commit that does not count is no end: the messages are delivered again, here or elsewhere.
  /// That the group is deleted is told by the next look for messages.
  private func report(_ commit: () throws(CommitError) -> Void) {
    do throws(CommitError) { try commit() } catch { Program.warn("shmctl: \(error)") }
  }
}

import ShmBus
import ToolSupport

extension GroupStatus {
  /// The contract: `name`, `mode`, `partitions` and their `partition`, `head`, `lag`, `lead`,
  /// `owner` keep their names.
  var json: JSON {
    .fields([
      "name": .string(name), "mode": .string(mode), "assignor": .string(assignor),
      "member": member.map { .string($0) } ?? .null, "row": .integer(row),
      "holdsPublishers": .bool(holdsPublishers),
      "maxPollInterval": .span(maxPollInterval), "generation": .integer(generation),
      "created": .integer(created), "members": .array(members.map(\.json)),
      "partitions": .array(partitions.map(\.json)),
    ])
  }
}

extension GroupStatus.Member {
  fileprivate var json: JSON {
    .fields([
      "row": .integer(row), "pid": .integer(pid), "command": .string(command),
      "name": name.map { .string($0) } ?? .null, "state": .string(state.rawValue),
      "partitions": .array(partitions.map { .integer($0) }),
    ])
  }
}

extension GroupStatus.Partition {
  fileprivate var json: JSON {
    .fields([
      "partition": .integer(partition), "head": .integer(head), "cursor": .integer(cursor),
      "oldest": .integer(oldest), "lag": .integer(lag), "lead": .integer(lead),
      "lagTime": .span(lagTime), "leadTime": .span(leadTime),
      "owner": owner.map { .integer($0.row) } ?? .null,
      "pid": owner.map { .integer($0.pid) } ?? .null, "moved": .integer(moved),
    ])
  }
}

extension JSON {
  /// Nanoseconds, or null.
  static func span(_ duration: Duration?) -> JSON {
    duration.map { .integer($0.nanoseconds) } ?? .null
  }
}

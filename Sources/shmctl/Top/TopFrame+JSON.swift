import ShmBus
import ToolSupport

extension TopFrame {
  var json: JSON {
    .fields([
      "name": .string(name), "age": .integer(age), "bytes": .integer(bytes),
      "rate": .rate(rate), "partitions": .array(partitions.map(\.json)),
      "groups": .array(groups.map(\.json)), "endpoints": .array(endpoints.map(\.json)),
    ])
  }
}

extension TopFrame.Partition {
  fileprivate var json: JSON {
    .fields([
      "partition": .integer(number), "cursor": .integer(cursor), "oldest": .integer(oldest),
      "capacity": .integer(capacity), "kept": .integer(kept), "rate": .rate(rate),
      "holder": holder.map {
        .fields([
          "role": .string($0.role), "row": .integer($0.row),
          "group": $0.group.map { .string($0) } ?? .null,
        ])
      } ?? .null,
    ])
  }
}

extension TopFrame.Group {
  fileprivate var json: JSON {
    .fields([
      "name": .string(name), "assignor": .string(assignor), "members": .integer(members),
      "unowned": .integer(unowned), "lag": .integer(lag), "lagTime": .span(behind),
      "lead": lead.map { .integer($0) } ?? .null, "rate": .rate(rate),
    ])
  }
}

extension TopFrame.Endpoint {
  fileprivate var json: JSON {
    .fields([
      "row": .integer(row), "role": .string(role.rawValue), "pid": .integer(pid),
      "state": .string(state.rawValue), "group": group.map { .string($0) } ?? .null,
      "command": .string(command),
      "age": .integer(age), "silence": .integer(silence),
      "lag": lag.map { .integer($0) } ?? .null, "rate": .rate(rate),
    ])
  }
}

extension JSON {
  /// Slots a second; null at the first look.
  fileprivate static func rate(_ value: Double?) -> JSON {
    value.map { .number(($0 * 10).rounded() / 10) } ?? .null
  }
}

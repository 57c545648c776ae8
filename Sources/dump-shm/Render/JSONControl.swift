import ShmBus
import ToolSupport

extension ControlReport {
  /// The control segment; names that other commands print too are the same there.
  var json: JSON {
    .fields([
      "segment": .string(segment), "bytes": .integer(byteCount), "live": .bool(isLive),
      "header": .header(header), "partitionRows": .array(partitions.map(\.json)),
      "endpoints": .array(endpoints.map { json(of: $0) }), "heads": .array(heads.map(\.json)),
      "groups": .array(groups.map { json(of: $0) }),
      "producers": .array(producers.map(\.json)),
      "quarantine": .array(quarantine.map(\.json)),
    ])
  }

  private func json(of endpoint: EndpointRow) -> JSON {
    .fields([
      "row": .integer(endpoint.row), "role": .string(endpoint.role.rawValue),
      "pid": .integer(UInt64(endpoint.pid)),
      "state": endpoint.state.map { .string($0.rawValue) } ?? .null,
      "group": endpoint.group.flatMap { row in groups.first { $0.row == row } }
        .map { .string($0.name) } ?? .null,
      "uid": .integer(UInt64(endpoint.uid)), "command": .string(endpoint.command),
      "label": .string(endpoint.label), "incarnation": .integer(endpoint.incarnation),
      "attached": .integer(endpoint.attached), "heartbeat": .integer(endpoint.heartbeat),
      "partition": .optional(endpoint.partition), "flags": .integer(UInt64(endpoint.flags)),
      "semaphore": .integer(UInt64(endpoint.semaphore)), "asleep": .integer(endpoint.asleep),
      "revoked": .integer(endpoint.revoked), "node": .optional(endpoint.node),
      "waiting": endpoint.waiting == .max ? .null : .integer(endpoint.waiting),
    ])
  }

  private func json(of group: GroupRow) -> JSON {
    let partitions = group.owners.enumerated().map { partition, owner -> JSON in
      let head = heads.first { $0.partition == partition && $0.owner == .groupRow(group.row) }
      return .fields([
        "partition": .integer(partition), "head": .optional(head?.offset),
        "term": .optional(head?.term),
        "owner": owner & 0xffff == 0 ? .null : .integer((owner & 0xffff) - 1),
      ])
    }
    return .fields([
      "row": .integer(group.row), "name": .string(group.name),
      "member": group.member.isEmpty ? .null : .string(group.member),
      "mode": .string(group.mode == 0 ? "ordered" : "shared"),
      "assignor": Assignor.name(ofCode: group.assignor).map { .string($0) }
        ?? .integer(UInt64(group.assignor)),
      "flags": .integer(UInt64(group.flags)), "maxPollInterval": .integer(group.maxPollInterval),
      "generation": .integer(group.generation), "created": .integer(group.created),
      "partitions": .array(partitions),
    ])
  }
}

extension ControlReport.PartitionRow {
  fileprivate var json: JSON {
    .fields([
      "partition": .integer(partition), "present": .bool(isPresent), "node": .optional(node),
      "origin": .integer(origin), "ceiling": .integer(ceiling), "start": .integer(start),
      "durable": .integer(durable), "segmentBytes": .integer(segmentBytes),
      "placement": .integer(UInt64(placement)), "hugePages": .integer(UInt64(hugePages)),
      "sleepers": .integer(sleepers),
      "blocked": .integer(blocked), "quarantineStamp": .integer(quarantineStamp),
    ])
  }
}

extension ControlReport.Head {
  fileprivate var json: JSON {
    let holder: JSON.Member =
      switch owner {
      case .groupRow(let row): JSON.Member("group", .integer(row))
      case .subscriberRow(let row): JSON.Member("subscriber", .integer(row))
      }
    return .object([
      JSON.Member("partition", .integer(partition)), holder,
      JSON.Member("head", .integer(offset)), JSON.Member("term", .integer(term)),
      JSON.Member("heldFrom", heldFrom == .max ? .null : .integer(heldFrom)),
      JSON.Member("moved", .integer(moved)),
    ])
  }
}

extension ControlReport.ProducerRow {
  fileprivate var json: JSON {
    .fields([
      "row": .integer(row), "name": .string(name), "id": .integer(id),
      "owner": owner & 0xffff == 0 ? .null : .integer((owner & 0xffff) - 1),
      "created": .integer(created),
      "sequences": .array(
        sequences.enumerated().map { partition, last in
          .fields([
            "partition": .integer(partition), "sequence": .integer(last.sequence),
            "offset": .integer(last.offset),
          ])
        }),
    ])
  }
}

extension ControlReport.QuarantineRow {
  fileprivate var json: JSON {
    .fields([
      "partition": .integer(partition), "row": .integer(row), "offset": .integer(offset),
      "span": .integer(span), "publisher": .optional(publisher),
      "incarnation": .integer(incarnation), "verdict": .string(verdict), "lap": .integer(lap),
      "since": .integer(since),
    ])
  }
}

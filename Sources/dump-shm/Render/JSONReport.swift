import ShmBus
import ToolSupport

/// A report as JSON: all of it. Messages are written one by one, as there may be a million.
struct JSONReport {
  private let report: BusReport

  init(_ report: BusReport) { self.report = report }

  func write(to output: inout OutputBuffer) throws(OutputError) {
    let head = JSON.fields([
      "name": .string(report.name), "taken": .integer(report.taken),
      "damaged": .bool(report.isDamaged), "findings": .array(report.findings.map(\.json)),
      "findingsOmitted": .integer(report.findingsOmitted),
      "control": report.control?.json ?? .null,
      "checkpoints": .array(report.checkpoints.map(\.json)),
    ])
    try output.append(Self.opened(head) + ",\"partitions\":[")
    for (place, partition) in report.partitions.enumerated() {
      if place > 0 { try output.append(",") }
      try output.append(Self.opened(partition.json(report.control)) + ",\"slots\":[")
      for (place, slot) in (partition.ring?.slots ?? []).enumerated() {
        if place > 0 { try output.append(",") }
        try output.append(slot.json(partition.partition).text)
      }
      try output.append("]}")
    }
    try output.append("]}\n")
  }

  /// An object whose last members are still to come.
  private static func opened(_ object: JSON) -> String { String(object.text.dropLast()) }
}

extension Finding {
  fileprivate var json: JSON {
    .fields([
      "severity": .string(severity.rawValue), "segment": .string(segment),
      "byte": .integer(byte), "place": .string(place), "found": .string(found),
      "expected": .string(expected),
    ])
  }
}

extension JSON {
  /// A number, or null.
  static func optional(_ value: (some BinaryInteger)?) -> JSON {
    value.map { .integer(UInt64(truncatingIfNeeded: $0)) } ?? .null
  }

  /// Bytes as a string, or what is no UTF-8 as base64.
  static func bytes(_ bytes: [UInt8]) -> JSON {
    if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
    let base64 = unsafe Base64.encode(bytes.span.bytes)
    return .fields(["base64": .string(String(decoding: base64, as: UTF8.self))])
  }

  static func header(_ fields: [ControlReport.Field]) -> JSON {
    .object(
      fields.map { field in
        switch field.value {
        case .number(let number): Member(field.name, .integer(number))
        case .text(let text): Member(field.name, .string(text))
        }
      })
  }
}

extension PartitionReport {
  fileprivate func json(_ control: ControlReport?) -> JSON {
    var members: [JSON.Member] = [
      JSON.Member("partition", .integer(partition)), JSON.Member("segment", .string(segment)),
      JSON.Member("bytes", .integer(byteCount)), JSON.Member("header", .header(header)),
    ]
    guard let ring else { return .object(members) }
    members += [
      JSON.Member("cursor", .integer(ring.cursor)), JSON.Member("oldest", .integer(ring.oldest)),
      JSON.Member("capacity", .integer(ring.capacity)),
      JSON.Member("slotSize", .integer(ring.slotSize)),
      JSON.Member("lastClaimant", .optional(ring.lastClaimant)),
      JSON.Member("gate", .optional(ring.gate)),
      JSON.Member("holder", ring.holder.map { .string($0.sentence) } ?? .null),
      JSON.Member(
        "counts",
        .fields([
          "messages": .integer(ring.claims.messages), "paddings": .integer(ring.claims.paddings),
          "open": .integer(ring.claims.open), "quarantined": .integer(ring.claims.quarantined),
          "payloadBytes": .integer(ring.claims.payloadBytes),
        ])),
      JSON.Member("runs", .array(ring.runs.map(\.json))),
      JSON.Member("cells", .array(ring.cells.map(\.json))),
      JSON.Member("index", .array(ring.index.map(\.json))),
      JSON.Member("slotsOmitted", .integer(ring.slotsOmitted)),
    ]
    return .object(members)
  }
}

extension RingReport.Run {
  fileprivate var json: JSON {
    .fields([
      "from": .integer(start), "slots": .integer(count), "state": .string(state.rawValue),
    ])
  }
}

extension RingReport.Cell {
  fileprivate var json: JSON {
    .fields([
      "publisher": .integer(publisher),
      "announced": span == 0
        ? .null : .fields(["offset": .integer(announced), "span": .integer(span)]),
      "floor": .optional(floor), "pendingSequence": .integer(pendingSequence),
    ])
  }
}

extension RingReport.IndexEntry {
  fileprivate var json: JSON {
    .fields([
      "entry": .integer(number), "start": .optional(start), "timestamp": .integer(timestamp),
      "standing": .string(standing.rawValue),
    ])
  }
}

extension SlotReport {
  fileprivate func json(_ partition: Int) -> JSON {
    var members = [
      JSON.Member("partition", .integer(partition)), JSON.Member("offset", .integer(offset)),
      JSON.Member("slot", .integer(slot)), JSON.Member("state", .string(state.rawValue)),
      JSON.Member("span", .integer(span)), JSON.Member("lap", .integer(lap)),
      JSON.Member("publisher", .integer(publisher)),
    ]
    guard state == .message || state == .done || state == .damaged else {
      return .object(members)
    }
    members += [
      JSON.Member("magic", .integer(UInt64(magic))),
      JSON.Member("length", .integer(UInt64(length))),
      JSON.Member("timestamp", .integer(timestamp)),
      JSON.Member("flags", .integer(UInt64(flags))),
      JSON.Member("insideBatch", .bool(isInsideBatch)),
      JSON.Member("sequence", .integer(sequence)), JSON.Member("producer", .integer(producer)),
      JSON.Member("keyHash", .integer(UInt64(keyHash))),
      JSON.Member("keyLength", .integer(UInt64(keyLength))),
      JSON.Member("key", hasKey ? .bytes(key) : .null),
      JSON.Member("checksum", flags & 8 != 0 ? .integer(UInt64(checksum)) : .null),
      JSON.Member("checksumRight", isChecksumRight.map { .bool($0) } ?? .null),
    ]
    if !payload.isEmpty { members.append(JSON.Member("payload", .bytes(payload))) }
    return .object(members)
  }

  var hasKey: Bool { flags & 4 != 0 }
}

import ShmBus
import ToolSupport

extension TextReport {
  /// Files of the state directory, one after the other.
  var checkpoints: [String] {
    report.checkpoints.flatMap { checkpoint in
      let state =
        checkpoint.isWhole
        ? terminal.styled("whole", .green) : terminal.styled("damaged", .red)
      let head =
        "\(checkpoint.file): checkpoint \(checkpoint.number) of \(checkpoint.name ?? "?"), \(state), "
        + "written \(Moment.seconds(checkpoint.time)) UTC, \(Numbers.bytes(checkpoint.byteCount))"
      let geometry =
        "identity \(String(checkpoint.identity, radix: 16)), \(checkpoint.partitions.count) partitions of "
        + "\(Numbers.grouped(checkpoint.slots)) slots of \(checkpoint.slotSize) bytes"
      return [head, geometry, ""] + rows(checkpoint) + [""]
    }
  }

  private func rows(_ checkpoint: CheckpointReport) -> [String] {
    var lines = [
      terminal.styled("PARTITION          CURSOR         CEILING          ORIGIN     INDEX", .bold)
    ]
    lines += checkpoint.partitions.map { partition in
      "\(partition.partition)".right(9) + Numbers.grouped(partition.cursor).right(16)
        + Numbers.grouped(partition.ceiling).right(16)
        + Numbers.grouped(partition.origin).right(16) + "\(partition.index.count)".right(10)
    }
    lines += checkpoint.groups.map { group in
      let heads = group.heads.map { $0.map { Numbers.grouped($0) } ?? "-" }
      let member = group.member.isEmpty ? "" : ", member \(group.member)"
      return "group \(group.name)\(member): heads \(heads.joined(separator: " "))"
    }
    lines += checkpoint.producers.map { producer in
      "producer \(producer.name): sequences "
        + producer.sequences.map(String.init).joined(separator: " ")
    }
    return lines
  }
}

extension CheckpointReport {
  /// All of it.
  var json: JSON {
    .fields([
      "file": .string(file), "bytes": .integer(byteCount), "whole": .bool(isWhole),
      "number": .integer(number), "generation": .integer(generation),
      "identity": .integer(identity), "time": .integer(time),
      "name": name.map { .string($0) } ?? .null, "slots": .integer(slots),
      "slotSize": .integer(UInt64(slotSize)), "partitions": .array(partitions.map(\.json)),
      "groups": .array(
        groups.map { group in
          .fields([
            "row": .integer(group.row), "name": .string(group.name),
            "member": .string(group.member), "heads": .array(group.heads.map { JSON.optional($0) }),
          ])
        }),
      "producers": .array(
        producers.map { producer in
          .fields([
            "row": .integer(producer.row), "name": .string(producer.name),
            "sequences": .array(producer.sequences.map { .integer($0) }),
          ])
        }),
    ])
  }
}

extension CheckpointReport.Partition {
  fileprivate var json: JSON {
    .fields([
      "partition": .integer(partition), "cursor": .integer(cursor), "ceiling": .integer(ceiling),
      "origin": .integer(origin),
      "index": .array(
        index.map {
          .fields(["start": .integer($0.start), "timestamp": .integer($0.timestamp)])
        }),
    ])
  }
}

import CShmBus

/// A checkpoint as it could be read. Plain values.
package struct CheckpointReport: Sendable {
  package let file: String
  package let byteCount: Int
  /// Whether all of it is what was written.
  package let isWhole: Bool
  package let number: UInt64
  package let generation: UInt64
  package let identity: UInt64
  /// Nanoseconds since 1970.
  package let time: UInt64
  /// The bus's; nil where that cannot be read.
  package let name: String?
  package let slots: UInt64
  package let slotSize: UInt32
  package let partitions: [Partition]
  package let groups: [GroupRow]
  package let producers: [ProducerRow]

  package struct Partition: Sendable {
    package let partition: Int
    package let cursor: Offset
    /// Where a restore goes on.
    package let ceiling: Offset
    package let origin: Offset
    package let index: [(start: Offset, timestamp: UInt64)]
  }

  package struct GroupRow: Sendable {
    package let row: Int
    package let name: String
    package let member: String
    /// By partition; nil where it has none.
    package let heads: [Offset?]
  }

  package struct ProducerRow: Sendable {
    package let row: Int
    package let name: String
    package let sequences: [UInt64]
  }
}

extension CheckpointInspector {
  var report: CheckpointReport {
    let header = image.header
    return CheckpointReport(
      file: log.segment, byteCount: reader.count, isWhole: isWhole, number: image.number,
      generation: image.generation, identity: image.identity, time: image.time,
      name: header == nil ? nil : SegmentReader.text(Array(image.control[32..<96])),
      slots: header?.slots ?? 0, slotSize: header?.slot_size ?? 0,
      partitions: image.partitions.enumerated().map { number, partition in
        CheckpointReport.Partition(
          partition: number, cursor: partition.cursor, ceiling: image.ceiling(of: number),
          origin: CheckpointImage.word(
            partition.row, CheckpointImage.RowField.origin.rawValue),
          index: partition.index.map { ($0.start, $0.timestamp) })
      },
      groups: image.groups.map { row in
        CheckpointReport.GroupRow(
          row: row.row, name: SegmentReader.text(Array(row.bytes[64..<128])),
          member: SegmentReader.text(Array(row.bytes[128..<192])),
          heads: words(row.perPartition, every: CheckpointImage.headBytes).map {
            Packed.offset($0) == Packed.noOffset ? nil : Packed.offset($0)
          })
      },
      producers: image.producers.map { row in
        CheckpointReport.ProducerRow(
          row: row.row, name: SegmentReader.text(Array(row.bytes[64..<128])),
          sequences: words(row.perPartition, every: CheckpointImage.sequenceBytes))
      })
  }

  private func words(_ bytes: [UInt8], every stride: Int) -> [UInt64] {
    Swift.stride(from: 0, to: bytes.count, by: stride).map { CheckpointImage.word(bytes, $0) }
  }
}

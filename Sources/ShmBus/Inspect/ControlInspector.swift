import CShmBus

/// Reads a control segment: first its header, and with the geometry found there its tables.
struct ControlInspector {
  let segment: Segment
  let reader: SegmentReader
  /// Loaded once; what is atomic in it is loaded again where it matters.
  let header: shmbus_control_header
  /// Nil where neither the maxima nor the offsets of the tables make sense.
  let layout: ControlLayout?
  let partitionLayout: PartitionLayout?
  var log: FindingLog

  init(_ segment: Segment) {
    self.segment = segment
    reader = segment.reader
    log = FindingLog(segment.name)
    header = reader.value(shmbus_control_header.self, at: 0) ?? shmbus_control_header()
    partitionLayout = PartitionLayout(header)
    let told = ControlLayout(header)
    let implied = ControlLayout(tablesOf: header)
    let size = Int(truncatingIfNeeded: header.segment_bytes)
    // Three witnesses: the maxima, the offsets of the tables, and the size; two of them outvote one.
    if let told, told.segmentBytes == size || told == implied {
      layout = told
    } else if let implied, implied.segmentBytes == size {
      layout = implied
    } else {
      layout = told ?? implied
    }
  }

  /// Whether its header is all there, so that anything in it means something.
  var hasHeader: Bool { reader.holds(0, MemoryLayout<shmbus_control_header>.size) }

  var name: String { reader.text(at: 32, count: 64) }
  var state: UInt64 { reader.word(at: 24) ?? 0 }
  var partitionCount: UInt64 { reader.word(at: 184) ?? 0 }
  var holdsPublishers: Bool { header.when_full == 0 }
  var hasChecksums: Bool { header.options & 1 != 0 }

  /// How many partitions exist, bounded by what there is room for.
  var partitions: Int {
    Int(min(partitionCount, UInt64(layout?.maxPartitions ?? 0)))
  }

  /// How many rows of a kind were ever used, bounded by what there is room for.
  func highWater(_ role: Highest) -> Int {
    guard let layout else { return 0 }
    let limit =
      switch role {
      case .publishers: layout.maxPublishers
      case .subscribers: layout.maxSubscribers
      case .groups: layout.maxGroups
      }
    return Int(min(reader.word(at: role.rawValue) ?? 0, UInt64(limit)))
  }

  /// The high-water marks, by their place in the header.
  enum Highest: Int {
    case publishers = 432
    case subscribers = 440
    case groups = 448
  }

  var report: ControlReport {
    ControlReport(
      segment: segment.name, byteCount: segment.byteCount, isLive: segment.isLive,
      header: fields, name: name, generation: header.generation, state: state,
      created: header.created, slots: header.slots, slotSize: header.slot_size,
      holdsPublishers: holdsPublishers, claimTimeout: header.claim_timeout,
      hasChecksums: hasChecksums, partitionCount: partitionCount,
      admissions: reader.word(at: 456) ?? 0, partitions: partitionRows, endpoints: endpoints,
      heads: heads, groups: groups, producers: producers, quarantine: quarantine)
  }

  /// Every field of the header, in order.
  private var fields: [ControlReport.Field] {
    func number(_ name: String, _ value: some BinaryInteger) -> ControlReport.Field {
      ControlReport.Field(name: name, value: .number(UInt64(truncatingIfNeeded: value)))
    }
    func text(_ name: String, _ offset: Int, _ count: Int) -> ControlReport.Field {
      ControlReport.Field(name: name, value: .text(reader.text(at: offset, count: count)))
    }
    func word(_ name: String, _ offset: Int) -> ControlReport.Field {
      number(name, reader.word(at: offset) ?? 0)
    }
    let identity = [
      number("magic", header.magic), number("layout_version", header.layout_version),
      number("header_bytes", header.header_bytes), number("generation", header.generation),
      word("state", 24), text("name", 32, 64), number("segment_bytes", header.segment_bytes),
      number("created", header.created),
    ]
    let geometry = [
      number("slots", header.slots), number("slot_size", header.slot_size),
      number("max_partitions", header.max_partitions),
      number("max_publishers", header.max_publishers),
      number("max_subscribers", header.max_subscribers), number("max_groups", header.max_groups),
      number("max_producers", header.max_producers),
      number("index_spacing", header.index_spacing), number("when_full", header.when_full),
      number("claim_timeout", header.claim_timeout), number("options", header.options),
      word("partitions", 184),
    ]
    let rights = [
      number("owner_uid", header.owner_uid), number("owner_gid", header.owner_gid),
      number("mode", header.mode), number("publish_gid", header.publish_gid),
      number("subscribe_gid", header.subscribe_gid), number("sync_policy", header.sync_policy),
      number("sync_interval", header.sync_interval), number("numa_policy", header.numa_policy),
      number("state_dir_bytes", header.state_dir_bytes),
      // A report may be handed on; whether there is a key is all that it tells of the key.
      number("has_key", reader.copy(at: 248, count: 32).contains { $0 != 0 } ? 1 : 0),
    ]
    let keeping = [
      word("keeper_row", 384), word("keeper_pid", 392), word("checkpoint_time", 400),
      word("checkpoint_number", 408), word("checkpoint_error", 416),
      word("checkpoint_every", 424), word("publisher_rows", 432), word("subscriber_rows", 440),
      word("group_rows", 448), word("admissions", 456),
    ]
    let tables = [
      number("partition_table", header.partition_table),
      number("endpoint_table", header.endpoint_table), number("head_table", header.head_table),
      number("group_table", header.group_table),
      number("producer_table", header.producer_table),
      number("sequence_table", header.sequence_table),
      number("quarantine_table", header.quarantine_table),
      text("state_dir", 640, 256), number("storage_bytes", header.storage_bytes),
      text("storage", 904, 120),
    ]
    return identity + geometry + rights + keeping + tables
  }
}

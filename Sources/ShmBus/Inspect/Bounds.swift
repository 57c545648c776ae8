import CShmBus

/// What a bus can have been created with. Whatever is computed from a header stays small within it.
enum Bounds {
  static let partitions: ClosedRange<UInt64> = 1...1024
  static let publishers: ClosedRange<UInt64> = 1...1023
  static let subscribers: ClosedRange<UInt64> = 1...4096
  static let groups: ClosedRange<UInt64> = 1...1024
  static let producers: ClosedRange<UInt64> = 1...4096
  static let slots: ClosedRange<UInt64> = 64...(1 << 30)
  static let slotSize: ClosedRange<UInt64> = 64...(1 << 20)
}

extension PartitionLayout {
  /// Nil for what cannot be.
  init?(
    checkedSlots slots: UInt64, slotSize: UInt64, maxPublishers: UInt64, indexSpacing: UInt64
  ) {
    guard Bounds.slots.contains(slots), slots.nonzeroBitCount == 1,
      Bounds.slotSize.contains(slotSize), slotSize.isMultiple(of: 64),
      Bounds.publishers.contains(maxPublishers),
      (1...slots).contains(indexSpacing), indexSpacing.nonzeroBitCount == 1
    else { return nil }
    self.init(
      slots: Int(slots), slotSize: Int(slotSize), maxPublishers: Int(maxPublishers),
      indexSpacing: Int(indexSpacing))
  }

  /// The geometry that a header tells.
  init?(_ header: shmbus_partition_header) {
    self.init(
      checkedSlots: header.slots, slotSize: UInt64(header.slot_size),
      maxPublishers: UInt64(header.max_publishers), indexSpacing: UInt64(header.index_spacing))
  }

  /// The geometry that a control header tells of every partition.
  init?(_ header: shmbus_control_header) {
    self.init(
      checkedSlots: header.slots, slotSize: UInt64(header.slot_size),
      maxPublishers: UInt64(header.max_publishers), indexSpacing: UInt64(header.index_spacing))
  }

  /// The geometry of a header one of whose fields is wrong: its neighbours and the segment's size
  /// tell what that field must have been. Nil unless exactly such a repair fits the size.
  static func repaired(_ header: shmbus_partition_header, byteCount: Int) -> PartitionLayout? {
    let size = UInt64(byteCount)
    let payload = size &- header.payload_offset
    let cells = UInt64(MemoryLayout<shmbus_partition_header>.size)
    var candidates = [header, header, header, header]
    candidates[0].slots = payload / max(1, UInt64(header.slot_size))
    candidates[1].slot_size = UInt32(truncatingIfNeeded: payload / max(1, header.slots))
    candidates[2].max_publishers =
      UInt32(
        truncatingIfNeeded: (header.index_offset &- cells) / UInt64(MemoryLayout<shmbus_cell>.size))
    candidates[3].index_spacing =
      UInt32(truncatingIfNeeded: header.slots / max(1, UInt64(header.index_entries)))
    return candidates.lazy.compactMap { PartitionLayout($0) }
      .first { $0.segmentBytes == byteCount }
  }
}

extension ControlLayout {
  /// The geometry that a header tells; nil for what cannot be.
  init?(_ header: shmbus_control_header) {
    self.init(
      checkedPartitions: UInt64(header.max_partitions), publishers: UInt64(header.max_publishers),
      subscribers: UInt64(header.max_subscribers), groups: UInt64(header.max_groups),
      producers: UInt64(header.max_producers), slots: header.slots)
  }

  /// The geometry that the offsets of the tables amount to, for a header whose maxima are wrong.
  init?(tablesOf header: shmbus_control_header) {
    func rows<T>(_ from: UInt64, _ to: UInt64, of type: T.Type) -> UInt64 {
      (to &- from) / UInt64(MemoryLayout<T>.size)
    }
    let endpoints = rows(header.endpoint_table, header.head_table, of: shmbus_endpoint_row.self)
    let partitions = rows(
      header.partition_table, header.endpoint_table, of: shmbus_partition_row.self)
    let groups = rows(header.group_table, header.producer_table, of: shmbus_group_row.self)
    let heads = rows(header.head_table, header.group_table, of: shmbus_head.self)
    let subscribers = heads / max(1, partitions) &- groups
    self.init(
      checkedPartitions: partitions, publishers: endpoints &- subscribers,
      subscribers: subscribers, groups: groups,
      producers: rows(header.producer_table, header.sequence_table, of: shmbus_producer_row.self),
      slots: header.slots)
  }

  private init?(
    checkedPartitions partitions: UInt64, publishers: UInt64, subscribers: UInt64, groups: UInt64,
    producers: UInt64, slots: UInt64
  ) {
    guard Bounds.partitions.contains(partitions), Bounds.publishers.contains(publishers),
      Bounds.subscribers.contains(subscribers), Bounds.groups.contains(groups),
      Bounds.producers.contains(producers)
    else { return nil }
    self.init(
      maxPartitions: Int(partitions), maxPublishers: Int(publishers),
      maxSubscribers: Int(subscribers), maxGroups: Int(groups), maxProducers: Int(producers),
      slots: Int(clamping: slots))
  }
}

import CShmBus

// What holds of every healthy control segment at every moment.

extension ControlInspector {
  mutating func checkHeader() {
    guard hasHeader else {
      log.report(
        at: 0, "header", found: "\(reader.count) bytes",
        expected: "at least \(MemoryLayout<shmbus_control_header>.size); a bus that is only half "
          + "created is replaced by 'shmctl create'")
      return
    }
    let size = UInt64(reader.count)
    if state == 0, header.magic == 0 || header.magic == SHMBUS_CONTROL_MAGIC {
      log.report(
        .notice, at: 24, "header.state", found: "0: being created, or half created",
        expected: "1: ready")
    } else {
      log.require(header.magic, SHMBUS_CONTROL_MAGIC, at: 0, "header.magic")
      log.require(state, in: 1...2, at: 24, "header.state")
      if state == 2 {
        log.report(
          .notice, at: 24, "header.state", found: "2: removed", expected: "1: ready")
      }
    }
    guard state != 0 || header.magic != 0 else { return }
    log.require(
      header.layout_version, UInt32(SHMBUS_LAYOUT_VERSION), at: 8, "header.layout_version")
    log.require(
      header.header_bytes, UInt32(MemoryLayout<shmbus_control_header>.size), at: 12,
      "header.header_bytes")
    if header.generation == 0 {
      log.report(at: 16, "header.generation", found: "0", expected: "a stamp that is not 0")
    }
    checkName()
    log.require(header.segment_bytes, size, at: 96, "header.segment_bytes")
    checkGeometry()
    checkPolicies()
    checkTables()
  }

  private mutating func checkName() {
    let name = reader.copy(at: 32, count: 64).prefix { $0 != 0 }
    let isValid =
      !name.isEmpty
      && name.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
    let shown = self.name
    if !isValid {
      log.report(
        at: 32, "header.name", found: "'\(shown)'", expected: "letters, digits, '-' or '_'")
    } else if segment.isLive, !segment.name.hasSuffix(".\(shown).control") {
      log.report(at: 32, "header.name", found: "'\(shown)'", expected: "that of the segment")
    }
  }

  private mutating func checkGeometry() {
    let h = header
    log.require(h.slots, in: Bounds.slots, at: 128, "header.slots")
    checkPowerOfTwo(h.slots, at: 128, "header.slots")
    log.require(UInt64(h.slot_size), in: Bounds.slotSize, at: 136, "header.slot_size")
    if h.slot_size % 64 != 0 {
      log.report(
        at: 136, "header.slot_size", found: "\(h.slot_size)", expected: "a multiple of 64")
    }
    log.require(
      UInt64(h.index_spacing), in: 1...max(1, h.slots), at: 160, "header.index_spacing")
    checkPowerOfTwo(UInt64(h.index_spacing), at: 160, "header.index_spacing")
    let most = layout?.maxPartitions ?? Int(Bounds.partitions.upperBound)
    if let layout { checkMaxima(layout) }
    let count = partitionCount
    log.require(count, in: 1...UInt64(most), at: 184, "header.partitions")
  }

  /// Against the geometry that the tables were laid out by.
  private mutating func checkMaxima(_ layout: ControlLayout) {
    let maxima: [(Int, String, UInt32, Int)] = [
      (140, "max_partitions", header.max_partitions, layout.maxPartitions),
      (144, "max_publishers", header.max_publishers, layout.maxPublishers),
      (148, "max_subscribers", header.max_subscribers, layout.maxSubscribers),
      (152, "max_groups", header.max_groups, layout.maxGroups),
      (156, "max_producers", header.max_producers, layout.maxProducers),
    ]
    for (byte, name, found, expected) in maxima where Int(found) != expected {
      log.report(
        at: byte, "header.\(name)", found: "\(found)",
        expected: "\(expected), as the tables lie")
    }
  }

  private mutating func checkPowerOfTwo(_ value: UInt64, at byte: Int, _ place: String) {
    if value.nonzeroBitCount != 1 {
      log.report(at: byte, place, found: "\(value)", expected: "a power of two")
    }
  }

  private mutating func checkPolicies() {
    let h = header
    log.require(h.when_full, in: 0...1, at: 164, "header.when_full")
    log.require(
      h.claim_timeout, in: 1...86_400_000_000_000, at: 168, "header.claim_timeout")
    log.require(h.options, in: 0...15, at: 176, "header.options")
    log.require(h.mode, in: 0...0o777, at: 200, "header.mode")
    log.require(h.sync_policy, in: 0...2, at: 212, "header.sync_policy")
    log.require(h.numa_policy, in: 0...2, at: 224, "header.numa_policy")
    log.require(h.state_dir_bytes, in: 0...256, at: 228, "header.state_dir_bytes")
    log.require(h.storage_bytes, in: 0...120, at: 896, "header.storage_bytes")
    guard let layout else { return }
    let marks: [(Int, String, Int)] = [
      (432, "header.publisher_rows", layout.maxPublishers),
      (440, "header.subscriber_rows", layout.maxSubscribers),
      (448, "header.group_rows", layout.maxGroups),
    ]
    for (byte, name, limit) in marks {
      log.require(reader.word(at: byte) ?? 0, in: 0...UInt64(limit), at: byte, name)
    }
  }

  private mutating func checkTables() {
    guard let layout else {
      log.report(
        at: 140, "header maxima", found: "nothing that can be",
        expected: "those the tables were laid out by; the tables cannot be read")
      return
    }
    let tables: [(Int, String, UInt64, Int)] = [
      (512, "partition_table", header.partition_table, layout.partitionTable),
      (520, "endpoint_table", header.endpoint_table, layout.endpointTable),
      (528, "head_table", header.head_table, layout.headTable),
      (536, "group_table", header.group_table, layout.groupTable),
      (544, "producer_table", header.producer_table, layout.producerTable),
      (552, "sequence_table", header.sequence_table, layout.sequenceTable),
      (560, "quarantine_table", header.quarantine_table, layout.quarantineTable),
    ]
    for (byte, name, found, expected) in tables {
      log.require(found, UInt64(expected), at: byte, "header.\(name)")
    }
    if reader.count != layout.segmentBytes {
      log.report(
        at: min(reader.count, layout.segmentBytes), "segment", found: "\(reader.count) bytes",
        expected: "\(layout.segmentBytes)")
    }
  }

  /// The rows of the tables, by themselves; what they say of offsets is checked beside the rings.
  mutating func checkRows(_ patience: inout Patience) {
    guard let layout, state == 1 else { return }
    for partition in 0..<partitions { checkPartitionRow(partition, layout) }
    for row in 0..<layout.endpointRows { checkEndpoint(row, layout, &patience) }
    for partition in 0..<partitions { checkQuarantine(partition, layout, &patience) }
  }

  private mutating func checkPartitionRow(_ partition: Int, _ layout: ControlLayout) {
    let base = Self.place(of: partition, in: layout)
    guard let row = reader.value(shmbus_partition_row.self, at: base) else { return }
    let name = "partition row \(partition)"
    log.require(row.state, 1, at: base + 128, "\(name).state")
    if let expected = partitionLayout?.segmentBytes {
      log.require(row.segment_bytes, UInt64(expected), at: base + 168, "\(name).segment_bytes")
    }
    log.require(row.placement, in: 0...2, at: base + 176, "\(name).placement")
    log.require(
      reader.word(at: base + 144) ?? 0, in: 1...Packed.offsetLimit, at: base + 144,
      "\(name).ceiling")
  }

  private mutating func checkEndpoint(
    _ row: Int, _ layout: ControlLayout, _ patience: inout Patience
  ) {
    let base = Self.place(ofEndpoint: row, in: layout)
    let reader = reader
    let isPublisher = row < layout.maxPublishers
    let roles: ClosedRange<UInt32> = isPublisher ? 1...1 : 2...3
    let mark = isPublisher ? row : row - layout.maxPublishers
    func inUse() -> Bool { (reader.word(at: base) ?? 0) & 1 == 1 }
    func role() -> UInt32 { reader.value(UInt32.self, at: base + 24) ?? 0 }
    func highWater() -> UInt64 { reader.word(at: isPublisher ? 432 : 440) ?? 0 }
    // Its owner takes a row before it fills it, and raises the mark last.
    if patience.persists({ inUse() && !roles.contains(role()) }) {
      log.report(
        at: base + 24, "endpoint row \(row).role", found: "\(role())",
        expected: isPublisher ? "1" : "2 or 3")
    }
    if patience.persists({ inUse() && highWater() <= UInt64(mark) }) {
      log.report(
        at: isPublisher ? 432 : 440,
        isPublisher ? "header.publisher_rows" : "header.subscriber_rows",
        found: "\(highWater())", expected: "more than \(mark): endpoint row \(row) is in use")
    }
    guard inUse(), let fields = reader.value(shmbus_endpoint_row.self, at: base) else { return }
    log.require(
      fields.group, in: 0...UInt32(layout.maxGroups), at: base + 28, "endpoint row \(row).group")
    log.require(
      fields.partition, in: 0...UInt32(layout.maxPartitions), at: base + 44,
      "endpoint row \(row).partition")
  }

  private mutating func checkQuarantine(
    _ partition: Int, _ layout: ControlLayout, _ patience: inout Patience
  ) {
    let reader = reader
    let stamp = Self.place(of: partition, in: layout) + 8
    for number in 0..<layout.quarantineRows {
      let base = Self.place(ofQuarantine: number, partition: partition, in: layout)
      let name = "quarantine row \(number) of partition \(partition)"
      func state() -> UInt64 { (reader.word(at: base + 16) ?? 0) & 0xff }
      guard state() != 0 else { continue }
      log.require(state(), in: 0...5, at: base + 16, "\(name).verdict")
      // Readers look at the table only if the stamp tells them to.
      if patience.persists({ (2...5).contains(state()) && (reader.word(at: stamp) ?? 0) & 1 == 0 })
      {
        log.report(
          at: stamp, "partition row \(partition).quarantine_stamp",
          found: "\(reader.word(at: stamp) ?? 0)", expected: "an odd number: \(name) is in use")
      }
      let owner = (reader.word(at: base + 8) ?? 0) & 0xffff
      if patience.persists({
        state() > 1 && (reader.word(at: base + 8) ?? 0) & 0xffff > UInt64(layout.maxPublishers)
      }) {
        log.report(
          at: base + 8, "\(name).owner", found: "row \(owner &- 1)", expected: "a publisher's row")
      }
    }
  }
}

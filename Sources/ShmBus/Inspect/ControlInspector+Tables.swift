import CShmBus

// The tables of a control segment, row by row. Every row lies where the layout says; what a row says
// of other rows is bounded before it is used.

extension ControlInspector {
  var partitionRows: [ControlReport.PartitionRow] {
    guard let layout else { return [] }
    return (0..<partitions).compactMap { partition in
      let base = Self.place(of: partition, in: layout)
      guard let row = reader.value(shmbus_partition_row.self, at: base) else { return nil }
      return ControlReport.PartitionRow(
        partition: partition, isPresent: row.state == 1, node: row.node == .max ? nil : row.node,
        origin: row.origin, ceiling: reader.word(at: base + 144) ?? 0,
        start: reader.word(at: base + 152) ?? 0, durable: reader.word(at: base + 160) ?? 0,
        segmentBytes: row.segment_bytes, placement: row.placement, hugePages: row.huge_pages,
        sleepers: reader.word(at: base) ?? 0, blocked: reader.word(at: base + 64) ?? 0,
        quarantineStamp: reader.word(at: base + 8) ?? 0)
    }
  }

  static func place(of partition: Int, in layout: ControlLayout) -> Int {
    layout.partitionTable + partition * MemoryLayout<shmbus_partition_row>.size
  }

  static func place(ofEndpoint row: Int, in layout: ControlLayout) -> Int {
    layout.endpointTable + row * MemoryLayout<shmbus_endpoint_row>.size
  }

  /// Rows in use, with who lives. A live registry says nothing of rows beyond the high-water marks;
  /// a damaged mark must not hide anybody, so all rows are looked at.
  var endpoints: [ControlReport.EndpointRow] {
    guard let layout else { return [] }
    return (0..<layout.endpointRows).compactMap { endpoint($0, layout) }
  }

  func endpoint(_ number: Int, _ layout: ControlLayout) -> ControlReport.EndpointRow? {
    let base = Self.place(ofEndpoint: number, in: layout)
    guard let incarnation = reader.word(at: base), incarnation & 1 == 1,
      let row = reader.value(shmbus_endpoint_row.self, at: base)
    else { return nil }
    let roles: [ControlReport.EndpointRow.Role] = [.unknown, .publisher, .subscriber, .observer]
    return ControlReport.EndpointRow(
      row: number, incarnation: incarnation,
      role: row.role < 4 ? roles[Int(row.role)] : .unknown, pid: row.pid, uid: row.uid,
      command: reader.text(at: base + 48, count: 16),
      label: reader.text(at: base + 192, count: 64), attached: row.attached,
      heartbeat: reader.word(at: base + 128) ?? 0,
      group: row.group == 0 ? nil : Int(row.group) - 1,
      partition: row.partition == 0 ? nil : Int(row.partition) - 1,
      node: row.home == 0 ? nil : Int(row.home) - 1, flags: row.flags,
      semaphore: row.semaphore, asleep: reader.word(at: base + 72) ?? 0,
      revoked: reader.word(at: base + 80) ?? 0, waiting: reader.word(at: base + 136) ?? 0,
      state: segment.isLocked(Int64(number)).map { $0 ? .alive : .dead })
  }

  /// Heads of the groups and subscribers that exist, and any other that holds a partition.
  var heads: [ControlReport.Head] {
    guard let layout else { return [] }
    return (0..<partitions).flatMap { partition in
      (0..<layout.headRows).compactMap { head($0, partition: partition, layout) }
    }
  }

  static func place(ofHead row: Int, partition: Int, in layout: ControlLayout) -> Int {
    layout.headTable
      + (partition * layout.headRows + row) * MemoryLayout<shmbus_head>.size
  }

  private func head(
    _ row: Int, partition: Int, _ layout: ControlLayout
  ) -> ControlReport.Head? {
    let base = Self.place(ofHead: row, partition: partition, in: layout)
    guard let word = reader.word(at: base) else { return nil }
    let offset = Packed.offset(word)
    let isGroup = row < layout.maxGroups
    let subscriber = layout.maxPublishers + row - layout.maxGroups
    guard offset != Packed.noOffset else { return nil }
    return ControlReport.Head(
      partition: partition,
      owner: isGroup ? .groupRow(row) : .subscriberRow(subscriber), offset: offset,
      term: Packed.term(word), heldFrom: reader.word(at: base + 8) ?? 0,
      moved: reader.word(at: base + 24) ?? 0)
  }

  var groups: [ControlReport.GroupRow] {
    guard let layout else { return [] }
    return (0..<layout.maxGroups).compactMap { number in
      let base = layout.groupTable + number * MemoryLayout<shmbus_group_row>.size
      guard let incarnation = reader.word(at: base), incarnation & 1 == 1,
        let row = reader.value(shmbus_group_row.self, at: base)
      else { return nil }
      return ControlReport.GroupRow(
        row: number, name: reader.text(at: base + 64, count: 64),
        member: reader.text(at: base + 128, count: 64), mode: row.mode,
        assignor: row.assignor, flags: row.flags, generation: reader.word(at: base + 8) ?? 0,
        created: row.created, maxPollInterval: row.max_poll_interval,
        owners: (0..<partitions).map {
          reader.word(at: Self.place(ofHead: number, partition: $0, in: layout) + 16) ?? 0
        })
    }
  }

  var producers: [ControlReport.ProducerRow] {
    guard let layout else { return [] }
    return (0..<layout.maxProducers).compactMap { number in
      let base = layout.producerTable + number * MemoryLayout<shmbus_producer_row>.size
      guard let incarnation = reader.word(at: base), incarnation & 1 == 1,
        let row = reader.value(shmbus_producer_row.self, at: base)
      else { return nil }
      let sequences = (0..<partitions).map { partition in
        let place =
          layout.sequenceTable + (partition * layout.maxProducers + number)
          * MemoryLayout<shmbus_producer_sequence>.size
        return (sequence: reader.word(at: place) ?? 0, offset: reader.word(at: place + 8) ?? 0)
      }
      return ControlReport.ProducerRow(
        row: number, name: reader.text(at: base + 64, count: 64), id: row.producer_id,
        owner: reader.word(at: base + 8) ?? 0, created: row.created, sequences: sequences)
    }
  }

  static func place(ofQuarantine row: Int, partition: Int, in layout: ControlLayout) -> Int {
    layout.quarantineTable
      + (partition * layout.quarantineRows + row)
      * MemoryLayout<shmbus_quarantine_row>.size
  }

  var quarantine: [ControlReport.QuarantineRow] {
    guard let layout else { return [] }
    return (0..<partitions).flatMap { partition in
      (0..<layout.quarantineRows).compactMap { number in
        let base = Self.place(ofQuarantine: number, partition: partition, in: layout)
        guard let word = reader.word(at: base + 16), word & 0xff != 0 else { return nil }
        let claim = reader.word(at: base) ?? 0
        let owner = reader.word(at: base + 8) ?? 0
        let known = Verdict.State(rawValue: word & 0xff)
        return ControlReport.QuarantineRow(
          partition: partition, row: number, offset: Packed.offset(claim),
          span: Packed.span(claim), publisher: owner & 0xffff == 0 ? nil : Int(owner & 0xffff) - 1,
          incarnation: owner >> 16, verdict: known.map { "\($0)" } ?? "unknown",
          lap: Verdict(word).lap, since: reader.word(at: base + 24) ?? 0)
      }
    }
  }

  /// The claims of a partition that are out of use, as the ring's walk needs them.
  func voidClaims(of partition: Int) -> [VoidClaim] {
    guard let layout, partition < layout.maxPartitions else { return [] }
    return (0..<layout.quarantineRows).compactMap { number in
      let base = Self.place(ofQuarantine: number, partition: partition, in: layout)
      let verdict = Verdict(reader.word(at: base + 16) ?? 0)
      guard verdict.state == .final || verdict.state == .released else { return nil }
      let claim = reader.word(at: base) ?? 0
      return VoidClaim(
        offset: Packed.offset(claim), span: Packed.span(claim), lastLap: verdict.lap)
    }
  }
}

/// Slots out of use, from the lap of `offset` to `lastLap`.
struct VoidClaim {
  let offset: Offset
  let span: UInt64
  let lastLap: UInt64
}

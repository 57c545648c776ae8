import CShmBus
import Glibc

/// Looks at the segments of a bus, whole or damaged, live or copied, and disturbs nobody: it maps read-only,
/// takes no row, no lock and no space, and believes nothing that it reads.
package enum Inspection {
  /// Reads the segments of one bus: its control segment, partitions, or both.
  ///
  /// `isWhole` says that a partition not among them is missing; `only` is the one to walk.
  package static func report(
    of segments: [Segment], named name: String, isWhole: Bool = false, only: Int? = nil,
    _ options: InspectionOptions = InspectionOptions()
  ) -> BusReport {
    var control = segments.first { $0.kind == .control }.map { ControlInspector($0) }
    // Before the rings: heads read now are at or below a cursor that is read later.
    control?.checkHeader()
    var patience = Patience(isLive: control?.segment.isLive ?? false)
    control?.checkRows(&patience)
    var report = control?.report
    var partitions: [PartitionReport] = []
    var logs: [FindingLog] = []
    var openClaims: Set<Int> = []
    for segment in segments {
      guard case .partition = segment.kind else { continue }
      var inspector = PartitionInspector(segment, beside: control)
      if let only, inspector.partition != only { continue }
      inspector.checkHeader()
      let ring = inspector.layout.map { layout in
        inspect(&inspector, layout, report, options, &openClaims)
      }
      partitions.append(
        PartitionReport(
          segment: segment.name, byteCount: segment.byteCount, partition: inspector.partition,
          header: inspector.headerFields, ring: ring))
      checkSize(segment, &inspector.log)
      logs.append(inspector.log)
    }
    partitions.sort { $0.partition < $1.partition }
    if var found = control {
      for partition in partitions { found.checkHeads(report?.heads ?? [], of: partition) }
      if isWhole, only == nil { found.checkPresence(partitions) }
      checkSize(found.segment, &found.log)
      logs.insert(found.log, at: 0)
      report?.markStalled(openClaims, partitions)
      control = found
    }
    let checkpoints = segments.filter { $0.kind == .checkpoint }.map { CheckpointInspector($0) }
    logs += checkpoints.map(\.log)
    let kept = checkpoints.map(\.report)
    return BusReport(
      name: control?.hasHeader == true && control?.name.isEmpty == false
        ? control?.name ?? name : kept.lazy.compactMap(\.name).first ?? name,
      taken: Clock.realtime(), control: report, partitions: partitions,
      checkpoints: kept,
      findings: logs.flatMap(\.findings) + strangers(among: segments),
      findingsOmitted: logs.reduce(0) { $0 + $1.omitted })
  }

  private static func strangers(among segments: [Segment]) -> [Finding] {
    segments.filter { $0.kind == .unknown }.map { segment in
      Finding(
        severity: .damage, segment: segment.name, byte: 0, place: "header.magic",
        found: "neither a control nor a partition segment",
        expected: "a file that was copied from /dev/shm/shmbus.*")
    }
  }

  private static func inspect(
    _ inspector: inout PartitionInspector, _ layout: PartitionLayout, _ control: ControlReport?,
    _ options: InspectionOptions, _ openClaims: inout Set<Int>
  ) -> RingReport {
    inspector.checkCursor(layout)
    inspector.checkCells(layout)
    let cursor = inspector.cursorWord
    var (ring, walk) = walk(inspector, layout, Packed.cursorOffset(cursor), options)
    let isEmpty = ring.counts.messages + ring.counts.paddings + ring.counts.open == 0
    if isEmpty, ring.log.findings.count > inspector.log.findings.count {
      // A cursor that leads nowhere: the slots tell where the ring has got to.
      let implied = RingWalk.impliedEnd(inspector.reader, layout)
      if implied > 0 {
        inspector.log.report(
          at: 128, "header.cursor", found: "\(walk.end), where no claim is",
          expected: "about \(implied), which the slots imply; they are shown by that")
        (ring, walk) = Self.walk(inspector, layout, implied, options)
      }
    }
    ring.checkBeyondEnd(walk)
    let entries = options.verify ? ring.index.run(&walk, &ring.log) : []
    ring.drop(to: options.offsets == nil ? options.newest : InspectionOptions.mostMessages)
    openClaims.formUnion(ring.publishersWithOpenClaims)
    inspector.log = ring.log
    let gate = Self.gate(of: inspector.partition, ring, walk.end, control)
    return RingReport(
      capacity: UInt64(layout.slots), slotSize: layout.slotSize, cursor: walk.end,
      lastClaimant: Packed.claimant(cursor) == Packed.nobody
        ? nil : Int(Packed.claimant(cursor)),
      oldest: walk.oldest, gate: gate?.offset, holder: gate?.holder,
      runs: ring.runs(below: gate?.offset), claims: ring.counts,
      cells: inspector.cells(layout), index: entries, slots: ring.slots,
      slotsOmitted: ring.slotsOmitted)
  }

  private static func walk(
    _ inspector: PartitionInspector, _ layout: PartitionLayout, _ end: Offset,
    _ options: InspectionOptions
  ) -> (RingInspector, RingWalk) {
    let control = inspector.control
    let partition = inspector.partition
    var walk = RingWalk(
      inspector.reader, layout, end: end, isLive: inspector.segment.isLive,
      voidClaims: { control?.voidClaims(of: partition) ?? [] })
    var ring = RingInspector(inspector, layout, options, inspector.log)
    walk.run { walk, step in ring.take(&walk, step) }
    return (ring, walk)
  }

  /// Who holds publishers back, and where; the same reckoning as the publishers' own.
  private static func gate(
    of partition: Int, _ ring: RingInspector, _ cursor: Offset, _ control: ControlReport?
  ) -> (offset: Offset, holder: RingReport.Holder?)? {
    guard let control else { return nil }
    var lowest = (offset: cursor, holder: RingReport.Holder?.none)
    if control.holdsPublishers {
      for head in control.heads where head.partition == partition && head.offset < lowest.offset {
        switch head.owner {
        case .groupRow(let row): lowest = (head.offset, .groupRow(row))
        case .subscriberRow(let row): lowest = (head.offset, .subscriberRow(row))
        }
      }
    }
    if let open = ring.oldestOpen, open.offset <= lowest.offset {
      lowest = (open.offset, .publisherRow(Int(open.publisher)))
    }
    return lowest
  }

  private static func checkSize(_ segment: Segment, _ log: inout FindingLog) {
    let now = segment.currentByteCount
    if now < segment.byteCount {
      log.report(
        at: now, "segment", found: "\(now) bytes: somebody cut it while it was read",
        expected: "\(segment.byteCount)")
    }
  }
}

extension RingInspector {
  /// What lies beyond the cursor is of an earlier lap, or was claimed since the walk began.
  mutating func checkBeyondEnd(_ walk: RingWalk) {
    guard let word = walk.control(walk.end), word.lap == walk.lap(walk.end),
      !walk.isLive || Packed.cursorOffset(walk.cursorNow) == walk.end
    else { return }
    log.report(
      at: walk.headerPlace(walk.end) + 16, "slot \(walk.slot(walk.end)) (offset \(walk.end))",
      found: "control word \(word.described)",
      expected: "one of an earlier lap: the cursor has not passed it")
  }

  /// The runs, with the messages below the gate told apart.
  func runs(below gate: Offset?) -> [RingReport.Run] {
    guard let gate else { return runs }
    return runs.flatMap { run -> [RingReport.Run] in
      guard run.state == .message, run.start < gate else { return [run] }
      let done = RingReport.Run(
        start: run.start, count: min(run.end, gate) - run.start, state: .done)
      guard run.end > gate else { return [done] }
      return [done, RingReport.Run(start: gate, count: run.end - gate, state: .message)]
    }
  }
}

extension ControlInspector {
  /// Heads stand at or below a cursor that was read after them.
  mutating func checkHeads(_ heads: [ControlReport.Head], of partition: PartitionReport) {
    guard let ring = partition.ring, let layout else { return }
    for head in heads where head.partition == partition.partition {
      guard head.offset > ring.cursor else { continue }
      let row: Int
      switch head.owner {
      case .groupRow(let number): row = number
      case .subscriberRow(let number): row = layout.maxGroups + number - layout.maxPublishers
      }
      let place = Self.place(ofHead: row, partition: partition.partition, in: layout)
      log.report(
        at: place, "head of \(head.owner) in partition \(partition.partition)",
        found: "\(head.offset)", expected: "at most the cursor \(ring.cursor)")
    }
  }

  /// A bus that is ready has all its partitions.
  mutating func checkPresence(_ partitions: [PartitionReport]) {
    guard state == 1 else { return }
    let present = Set(partitions.map(\.partition))
    let count = self.partitions
    for partition in 0..<count where !present.contains(partition) {
      log.report(
        at: 184, "header.partitions", found: "no segment of partition \(partition)",
        expected: "\(count) segments")
    }
  }
}

extension ControlReport {
  /// Who is alive, and has been silent for longer than the bus waits, with an open claim or something to read.
  /// Nobody knows where an observer stands.
  fileprivate mutating func markStalled(_ openClaims: Set<Int>, _ partitions: [PartitionReport]) {
    let now = Clock.realtime()
    var busy = openClaims
    for head in heads {
      guard case .subscriberRow(let row) = head.owner,
        let ring = partitions.first(where: { $0.partition == head.partition })?.ring,
        head.offset < ring.cursor
      else { continue }
      busy.insert(row)
    }
    for endpoint in endpoints where endpoint.role == .observer { busy.insert(endpoint.row) }
    for place in endpoints.indices
    where endpoints[place].state == .alive && busy.contains(endpoints[place].row) {
      let heartbeat = endpoints[place].heartbeat
      if heartbeat < now, now - heartbeat > claimTimeout { endpoints[place].state = .stalled }
    }
  }
}

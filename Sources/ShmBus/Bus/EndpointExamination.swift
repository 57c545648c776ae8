import Glibc

/// What is wrong with who uses a bus: the dead, the stalled, and who holds a ring.
struct EndpointExamination {
  private let bus: Bus

  init(_ bus: Bus) { self.bus = bus }

  func diagnoses() -> [Diagnosis] {
    let dead = (0..<bus.map.layout.endpointRows).filter { bus.map.endpoint($0).isInUse }
      .map { bus.endpoint($0, isBusy: false) }.filter { $0.state == .dead }.map(dead)
    // A ring that cannot be mapped is told of elsewhere.
    guard let first = try? Holds.all(of: bus), !first.isEmpty else { return dead + quarantines() }
    // One look cannot tell a ring that is full for a moment from one that stands still.
    usleep(100_000)
    let second = (try? Holds.all(of: bus)) ?? []
    let held = first.filter { second.contains($0) }.compactMap(diagnosis)
    return dead + held + quarantines()
  }

  private func dead(_ endpoint: BusStatus.Endpoint) -> Diagnosis {
    Diagnosis(
      bus.name, .deadEndpoint, .transient,
      finding: "the \(endpoint.role.rawValue) in row \(endpoint.row) died and its row is not free "
        + "yet",
      evidence: "pid \(endpoint.pid) (\(endpoint.command)), attached "
        + "\(Age.text(since: endpoint.attached)) ago, no longer holds the row's lock",
      fix: "whoever is held up by it frees it; 'shmctl recover \(bus.name)' does it now",
      remedy: .sweep(bus.busName))
  }

  private func diagnosis(_ hold: Holds) -> Diagnosis? {
    let subject = "\(bus.name) partition \(hold.partition)"
    switch hold.holder {
    case .nobody: return nil
    case .claim(let row):
      let owner = bus.endpoint(row, isBusy: true)
      guard owner.state == .stalled else { return nil }
      return Diagnosis(
        subject, .stalledPublisher, .heldUp,
        finding: "the publisher in row \(row) sits on its claim at offset \(hold.offset), and "
          + "readers wait for it or pass it over",
        evidence: "\(process(owner)) has said nothing for \(Age.text(since: owner.heartbeat)), "
          + "more than the claim timeout of \(bus.configuration.claimTimeout)",
        fix: "let it go on ('kill -CONT \(owner.pid)') or end it; the bus passes over its slots "
          + "meanwhile, and the commit of a late one fails")
    case .head(let headRow) where headRow < bus.map.layout.maxGroups:
      return fullRing(subject, hold, groupRow: headRow)
    case .head(let headRow):
      let owner = bus.endpoint(bus.map.endpointRow(ofHead: headRow), isBusy: false)
      // The dead are told of above.
      guard owner.state != .dead else { return nil }
      return fullRing(
        subject, hold, "the subscriber in row \(owner.row)",
        "\(process(owner)), attached \(Age.text(since: owner.attached)) ago, stands at offset "
          + "\(hold.offset), has called its bus \(Age.text(since: owner.heartbeat)) ago",
        fix: "let it read on, or end it; a larger --slots gives it more time, --when-full "
          + "overwrite holds nobody")
    }
  }

  private func fullRing(_ subject: String, _ hold: Holds, groupRow row: Int) -> Diagnosis? {
    // Deleted meanwhile: it holds nothing any more.
    guard let group = try? bus.groups().first(where: { $0.row == row }) else { return nil }
    let name = group.member.map { "\(group.name)/\($0)" } ?? group.name
    // Of a broadcast as a whole there are none.
    let owner = group.partitions.first { $0.partition == hold.partition }?.owner.map {
      bus.endpoint($0.row, isBusy: false)
    }
    return fullRing(
      subject, hold, "group '\(name)'",
      (owner.map { "its member \(process($0))" } ?? "none of its \(group.members.count) members")
        + " owns the partition; its head is at offset \(hold.offset)",
      fix: "let that member read on, or start one; 'shmctl group reset \(bus.name) \(group.name) "
        + "--to latest' skips what it has not done, 'shmctl group delete' gives it up")
  }

  private func fullRing(
    _ subject: String, _ hold: Holds, _ who: String, _ evidence: String, fix: String
  ) -> Diagnosis {
    Diagnosis(
      subject, .fullRing, .heldUp,
      finding: "the ring is full and publishers must wait for \(who), which is \(hold.kept) slots "
        + "behind",
      evidence: evidence + ", and did not move while it was watched", fix: fix)
  }

  private func process(_ endpoint: BusStatus.Endpoint) -> String {
    let isStopped = SegmentUsers.isStopped(endpoint.pid, command: endpoint.command)
    return "pid \(endpoint.pid) (\(endpoint.command)\(isStopped ? ", stopped by a signal" : ""))"
  }

  private func quarantines() -> [Diagnosis] {
    (0..<bus.partitions).flatMap { partition -> [Diagnosis] in
      guard let segment = try? bus.segment(partition, writable: false) else { return [] }
      defer { withExtendedLifetime(segment) {} }
      let table = bus.quarantine(partition, segment.ring)
      let entries = table.entries.filter { $0.verdict.state == .final }
      let isFull = entries.count >= table.rows.count
      return entries.map { entry in
        let row = Int(entry.owner & 0xFFFF) - 1
        let owner = bus.endpoint(
          max(0, min(row, bus.map.layout.endpointRows - 1)), isBusy: false)
        return Diagnosis(
          "\(bus.name) partition \(partition)", .quarantine, isFull ? .heldUp : .notice,
          finding: "\(entry.span) slots at offset \(entry.offset) are out of use, because their "
            + "publisher did nothing for too long" + (isFull ? "; the table is full" : ""),
          evidence: "\(process(owner)) in row \(row) has not acknowledged it for "
            + Age.text(since: entry.row.since.loadRelaxed()),
          fix: "they come back when that process goes on ('kill -CONT \(owner.pid)') or ends")
      }
    }
  }
}

/// Who holds a partition's ring where.
private struct Holds: Equatable {
  let partition: Int
  let offset: Offset
  let kept: UInt64
  let holder: Gate.Holder

  /// The rings that an open claim holds, or that have no room left for publishers who wait.
  static func all(of bus: Bus) throws -> [Holds] {
    try (0..<bus.partitions).compactMap { partition in
      let segment = try bus.segment(partition, writable: false)
      defer { withExtendedLifetime(segment) {} }
      let ring = segment.ring
      let gate = Gate(
        map: bus.map, partition: partition, headsHold: bus.configuration.whenFull == .block)
      let cursor = ring.cursor.loadAcquire()
      let (offset, holder, _) = gate.lowest(in: ring, cursor: cursor)
      let end = Packed.cursorOffset(cursor)
      let hold = Holds(
        partition: partition, offset: offset, kept: end - min(end, offset), holder: holder)
      if case .claim = holder { return hold }
      // A long message waits although a quarter of the ring may be free.
      let isBlocked = bus.map.partition(partition).blocked.loadAcquire() != 0
      let isFull = hold.kept >= ring.capacity || isBlocked && hold.kept > ring.capacity / 4 * 3
      return isFull ? hold : nil
    }
  }
}

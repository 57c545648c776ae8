// Publishers pass over slots that are out of use, lap by lap, without touching them: their owner
// may still store there.

extension Quarantine {
  /// The first offset at or after `cursor` whose slots are out of use; no claim may cover it.
  ///
  /// Pending claims are decided on the way (`-DPASSPENDING` in `models/passing.pml`): a claim that was
  /// decided late no longer holds the gate, and a verdict that became final afterwards would be carried
  /// into the lap of the publisher that went on. To be asked after the gate, for the same reason.
  func nextVoid(from cursor: Offset) -> Offset? {
    entries.compactMap { nextVoid(of: $0, decide($0), from: cursor) }.min()
  }

  /// Whether `span` slots fit between any two void claims: else passing over them would never end.
  func hasGap(of span: UInt64) -> Bool {
    let voids = entries.filter { $0.verdict.state == .final }
      .map { (start: $0.offset & ring.mask, span: $0.span) }
      .sorted { $0.start < $1.start }
    guard let first = voids.first else { return true }
    let starts = voids.dropFirst().map(\.start) + [first.start &+ ring.capacity]
    return zip(voids, starts).contains { $0.start &+ $0.span &+ span <= $1 }
  }

  /// The void claim whose slots stand nearest in the way, and whose it is.
  func nextHolder(from cursor: Offset) -> (offset: Offset, publisher: Int)? {
    entries.filter { (0..<map.layout.maxPublishers).contains($0.publisher) }
      .compactMap { entry in
        nextVoid(of: entry, entry.verdict, from: cursor).map { ($0, entry) }
      }
      .min { $0.0 < $1.0 }
      .map { (offset: $0.1.offset, publisher: $0.1.publisher) }
  }

  private func nextVoid(of entry: Entry, _ verdict: Verdict, from cursor: Offset) -> Offset? {
    let next = cursor &+ (entry.offset &- cursor) & ring.mask
    switch verdict.state {
    case .final: return next
    case .released: return covers(entry, verdict, next) ? next : nil
    case .free, .taken, .pending, .withdrawn: return nil
    }
  }

  /// Says that the slots at `offset` are out of use in its lap too; their span, or nil if they were
  /// released in time to be used.
  func extend(to offset: Offset) -> UInt64? {
    let lap = ring.lap(offset)
    var span: UInt64?
    for entry in entries where entry.offset & ring.mask == offset & ring.mask {
      var verdict = entry.verdict
      // Ends: laps only grow, and a released row changes no more.
      while verdict.state == .final, verdict.use == entry.verdict.use,
        Lap.distance(from: verdict.lap, to: lap) > 0
      {
        let next = verdict.reaching(lap)
        let (exchanged, seen) = entry.row.verdict.compareExchange(verdict.raw, next.raw)
        verdict = exchanged ? next : Verdict(seen)
      }
      let isVoid = verdict.state == .final || verdict.state == .released
      if isVoid, verdict.use == entry.verdict.use, covers(entry, verdict, offset) {
        span = max(span ?? 0, entry.span)
      }
    }
    return span
  }

  /// Frees rows that say nothing any more, and makes the stamp even when none is left.
  func reclaim(cursor: Offset) {
    let seen = stamp.loadAcquire()
    guard seen & 1 != 0 else { return }
    var inUse = false
    for number in rows {
      let row = map.quarantineRow(number, partition: partition)
      guard Verdict(row.verdict.loadAcquire()).state != .free else { continue }
      if let entry = entry(number) {
        let free = entry.verdict.becoming(.free)
        if isDone(entry, cursor),
          row.verdict.compareExchange(entry.verdict.raw, free.raw).exchanged
        {
          continue
        }
        releaseIfOver(entry)
      }
      inUse = true
    }
    // A row taken since is announced by a new stamp before it says anything.
    if !inUse { _ = stamp.compareExchange(seen, seen &+ 1) }
  }

  /// A row that became void when recovery of its dead owner had already passed it: nobody else would
  /// ever give these slots back.
  private func releaseIfOver(_ entry: Entry) {
    let state = entry.verdict.state
    guard state == .pending || state == .final, isOver(entry.owner, among: map.layout.maxPublishers)
    else { return }
    release(ownedBy: entry.owner)
  }

  /// Whether one use of a registry row has ended: nothing of it is stored any more. `name` holds at
  /// least 24 bits of the incarnation.
  private func isOver(_ name: UInt64, among rows: Int) -> Bool {
    let row = Int(name & 0xffff) &- 1
    guard row >= 0, row < rows else { return true }
    return (map.endpoint(row).incarnation.loadAcquire() ^ name &>> 16) & 0xff_ffff != 0
  }

  private func isDone(_ entry: Entry, _ cursor: Offset) -> Bool {
    switch entry.verdict.state {
    case .free, .withdrawn: return true
    case .pending, .final: return false
    case .taken: return isOver(entry.verdict.taker, among: map.layout.endpointRows)
    case .released:
      // All claimed anew in a later lap: whoever still stood there has been overrun.
      let laps = Lap.distance(from: ring.lap(entry.offset), to: entry.verdict.lap)
      let last = entry.offset &+ UInt64(max(0, laps)) &* ring.capacity
      return cursor >= last &+ ring.capacity &+ entry.span
    }
  }
}

extension Lane {
  /// What a step towards slots behind those out of use came to.
  enum Passing {
    /// Nothing is in the way, or it cannot be passed yet.
    case nothing
    /// The cursor moved, or the slots are in use again: the claim may be tried anew.
    case moved
    /// The slots before were claimed: the caller makes them padding.
    case padding(Offset, span: UInt64)
  }

  /// Moves the cursor over slots that are out of use and stand in the way of a claim of `span` slots.
  static func passVoid(_ lane: UnsafeMutablePointer<Lane>, span: UInt64) -> Passing {
    let ring = unsafe lane.pointee.ring
    let quarantine = unsafe lane.pointee.gate.quarantine(of: ring)
    guard quarantine.mayHaveRows else { return .nothing }
    let seen = ring.cursor.loadAcquire()
    let offset = Packed.cursorOffset(seen)
    quarantine.reclaim(cursor: offset)
    guard let void = quarantine.nextVoid(from: offset), offset &+ span > void,
      quarantine.hasGap(of: span)
    else { return .nothing }
    if offset < void {
      guard unsafe void <= lane.pointee.limit else { return .nothing }
      let padding = void &- offset
      return unsafe attempt(lane, seen, span: padding) ? .padding(offset, span: padding) : .moved
    }
    guard let voidSpan = quarantine.extend(to: void) else { return .moved }
    let gate = unsafe lane.pointee.gate
    let room = gate.lowest(in: ring, cursor: seen).offset &+ ring.capacity
    let ceiling = gate.map.partition(gate.partition).ceiling.loadAcquire()
    guard void &+ voidSpan <= min(room, ceiling, Packed.offsetLimit) else { return .nothing }
    // Never marked, written or believed: readers of this lap skip it by the table.
    _ = unsafe attempt(lane, seen, span: voidSpan)
    return .moved
  }
}

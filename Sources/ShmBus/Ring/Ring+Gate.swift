/// Who may hold a partition's publishers back. Private memory; `map` is the control segment's.
@safe @usableFromInline
struct Gate {
  let map: ControlMap
  let partition: Int
  /// False on an overwrite bus: readers' heads hold nothing.
  let headsHold: Bool
}

// The gate is the lowest offset that must not be overwritten yet:
//
//   min(cursor read before anything else, heads that hold back, publishers' open claims)
//
// The cursor bound makes late joins and concurrent claims safe: whatever appears after the scan began starts
// at or above it. The gate only grows, so a cached one is safe for ever.

extension Lane {
  /// Refreshes the cached limit; returns whether a claim of `span` slots now fits.
  @usableFromInline @inline(never)
  static func refreshLimit(_ lane: UnsafeMutablePointer<Lane>, span: UInt64) -> Bool {
    let ring = unsafe lane.pointee.ring
    let seen = ring.cursor.loadAcquire()  // G1, partner: C1
    if let head = unsafe lane.pointee.headOfHolder {
      let gate = unsafe min(head, lane.pointee.gateWithoutHolder)
      if unsafe raiseLimit(lane, gate: gate, cursor: seen, span: span) { return true }
    }
    let found = unsafe lane.pointee.gate.lowest(in: ring, cursor: seen)
    if case .head(let row) = found.holder {
      unsafe lane.pointee.holder = row
    } else {
      unsafe lane.pointee.holder = -1
    }
    unsafe lane.pointee.gateWithoutHolder = found.next
    return unsafe raiseLimit(lane, gate: found.offset, cursor: seen, span: span)
  }

  /// The head that was the lowest at the last look at everything, where it stands now: mostly
  /// nobody else needs to be looked at. A row that was given up and taken anew since then is no
  /// danger: its reader keeps nothing below the cursor of that look.
  private var headOfHolder: Offset? {
    guard holder >= 0 else { return nil }
    return Packed.offset(gate.map.head(holder, partition: gate.partition).head.loadAcquire())  // G2
  }

  private static func raiseLimit(
    _ lane: UnsafeMutablePointer<Lane>, gate: Offset, cursor: UInt64, span: UInt64
  ) -> Bool {
    let ring = unsafe lane.pointee.ring
    let row = unsafe lane.pointee.gate.map.partition(lane.pointee.gate.partition)
    let ceiling = row.ceiling.loadAcquire()  // N2, partner: N1
    if ceiling &- Packed.cursorOffset(cursor) < Ceiling.near {
      unsafe lane.pointee.gate.callKeeper(Packed.cursorOffset(cursor), ceiling)
    }
    var limit = min(gate &+ ring.capacity, ceiling, Packed.offsetLimit)
    // Slots out of use stop claims here, so that the slow path passes over them. After the gate: a claim
    // that it found decided is not voided any more.
    let quarantine = unsafe lane.pointee.gate.quarantine(of: ring)
    quarantine.reclaim(cursor: Packed.cursorOffset(cursor))
    if let void = quarantine.nextVoid(from: Packed.cursorOffset(cursor)) {
      limit = min(limit, void)
    }
    unsafe lane.pointee.limit = max(limit, lane.pointee.limit)
    return unsafe Packed.cursorOffset(cursor) &+ span <= lane.pointee.limit
  }
}

extension Gate {
  func quarantine(of ring: Ring) -> Quarantine {
    Quarantine(map: map, partition: partition, ring: ring)
  }

  /// Who holds the gate where it is.
  enum Holder: Equatable {
    case nobody
    /// A row of the table of heads: a group, or an ephemeral subscriber.
    case head(row: Int)
    /// A publisher with an open claim.
    case claim(publisher: Int)
  }

  /// The gate, and who holds it there; `next` is where it would be without that one. `cursor` must
  /// have been loaded before this call.
  func lowest(
    in ring: Ring, cursor: UInt64
  ) -> (offset: Offset, holder: Holder, next: Offset) {
    var lowest = Packed.cursorOffset(cursor)
    var next = lowest
    var holder = Holder.nobody
    if headsHold {
      forEachHead { row, head in
        let offset = Packed.offset(head)
        guard offset < next, holds(row) else { return }
        next = max(offset, lowest)
        if offset < lowest {
          lowest = offset
          holder = .head(row: row)
        }
      }
    }
    for publisher in map.usedPublisherRows where map.endpoint(publisher).isInUse {
      // On a tie the claim is the cause: a head that stands at an open claim waits for it.
      if let open = openClaim(of: UInt64(publisher), in: ring, cursor: cursor), open <= next {
        next = max(open, lowest)
        if open <= lowest {
          lowest = open
          holder = .claim(publisher: publisher)
        }
      }
    }
    return (lowest, holder, next)
  }

  /// Whether the heads of a row hold publishers; a group may be declared not to. Asked only where
  /// its head is the lowest so far, and after the head: a group that begins to hold says so before
  /// its head does (J1).
  private func holds(_ row: Int) -> Bool {
    row >= map.layout.maxGroups || map.group(row).holdsPublishers
  }

  /// Every head of this partition, whether or not it holds anything: G0, G2. Partner: H1, J1.
  func forEachHead(_ body: (_ row: Int, _ head: UInt64) -> Void) {
    for row in map.usedGroupRows {
      body(row, map.head(row, partition: partition).head.loadAcquire())
    }
    for endpoint in map.usedSubscriberRows {
      let row = map.headRow(ofEndpoint: endpoint)
      body(row, map.head(row, partition: partition).head.loadAcquire())
    }
  }

  /// The oldest open claim of a publisher: its announced one, if it was won and is undecided, or the
  /// first mark from its floor on. The cell is read before the floor, because the owner stores the
  /// floor before it announces anew. What is quarantined holds nothing, nor does a floor whose claim
  /// is decided: its owner may have been stopped before it raised it.
  func openClaim(of publisher: UInt64, in ring: Ring, cursor: UInt64) -> Offset? {
    let quarantine = quarantine(of: ring)
    let cell = ring.publisherCell(publisher)
    let announced = cell.announced.loadAcquire()  // G3, partner: A1
    var oldest: Offset?
    if ring.isOpen(announced, of: publisher, cursor: cursor),
      quarantine.voidSpan(at: Packed.offset(announced)) == nil
    {
      oldest = Packed.offset(announced)
    }
    let floor = cell.floor.loadAcquire()  // G5, partner: A2
    guard floor != Packed.none else { return oldest }
    let end = Packed.cursorOffset(cursor)
    var offset = end > ring.capacity ? max(floor, end &- ring.capacity) : floor
    // Ends: at most `capacity` offsets.
    while offset < min(end, oldest ?? end) {
      let word = ControlWord(ring.header(offset).control.loadAcquire())  // G6, partner: A3, K1
      if word.isClaimed(in: ring.lap(offset), by: publisher),
        quarantine.voidSpan(at: offset) == nil
      {
        return offset
      }
      offset &+= 1
    }
    return oldest
  }
}

extension Ring {
  /// Whether an announced claim was won and is neither committed nor aborted yet. The same test decides what
  /// recovery must give up.
  func isOpen(_ announced: UInt64, of publisher: UInt64, cursor: UInt64) -> Bool {
    let start = Packed.offset(announced)
    let span = Packed.span(announced)
    guard span != 0 else { return false }
    let lap = lap(start)
    let word = ControlWord(header(start).control.loadAcquire())  // G4, partner: K1, C4
    if word.isClaimed(in: lap, by: publisher) { return true }
    return cursor == Packed.cursor(start &+ span, claimant: publisher) && !word.isDecided(in: lap)
  }

  /// The span of a publisher's open claim at an offset: its announcement's, or its mark's.
  func openSpan(at offset: Offset, of publisher: UInt64, cursor: UInt64) -> UInt64? {
    let announced = publisherCell(publisher).announced.loadAcquire()
    if Packed.offset(announced) == offset, isOpen(announced, of: publisher, cursor: cursor) {
      return Packed.span(announced)
    }
    let word = ControlWord(header(offset).control.loadAcquire())
    return word.isClaimed(in: lap(offset), by: publisher) ? word.span : nil
  }
}

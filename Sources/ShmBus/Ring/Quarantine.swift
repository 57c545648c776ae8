// A claim whose owner lives and does nothing must not hold the bus, and its owner must not damage
// anything when it goes on. Time takes the slots out of use; only the owner, or its death, gives
// them back (`models/quarantine.pml`).
//
//   taken ── pending ── withdrawn                      decided in time after all: as if nothing was
//               `────── final ── released ── free      void: skipped in every lap up to `lap`
//
// A row may exist twice for one claim, when two quarantiners raced: any final row voids it.

/// One partition's quarantine table, beside the ring whose claims it is about.
@safe
struct Quarantine {
  let map: ControlMap
  let partition: Int
  let ring: Ring

  var rows: Range<Int> { 0..<map.layout.quarantineRows }

  /// Odd while the table may have rows in use. It only grows: a reset that was decided on for an older
  /// value must fail, and 0 would come back.
  var stamp: SharedWord { map.partition(partition).quarantineStamp }

  /// False on a healthy bus: nothing else needs to be looked at.
  var mayHaveRows: Bool { stamp.loadAcquire() & 1 != 0 }

  /// Makes the stamp odd, and a value that it never had.
  private func raiseStamp() {
    var seen = stamp.loadAcquire()
    // Ends: each failed CAS means that another's succeeded.
    while true {
      let (exchanged, now) = stamp.compareExchange(seen, (seen &+ 1) | 1)
      if exchanged { return }
      seen = now
    }
  }

  /// One row as it was read: verdict, claim, verdict again, so that both belong to one use.
  struct Entry {
    let row: ControlMap.QuarantineRow
    let verdict: Verdict
    let offset: Offset
    let span: UInt64
    let owner: UInt64
    var publisher: Int { Int(owner & 0xffff) &- 1 }
  }

  func entry(_ number: Int) -> Entry? {
    let row = map.quarantineRow(number, partition: partition)
    var verdict = Verdict(row.verdict.loadAcquire())
    // Each round saw the row filled or taken anew, which costs its taker more than a round. Bounded for
    // those who do not keep to that: what they write says nothing.
    for _ in 0..<64 where verdict.state != .free {
      let claim = row.claim.loadAcquire()
      let owner = row.owner.loadAcquire()
      let again = Verdict(row.verdict.loadAcquire())
      // Claim and owner are constant from pending on, however often the verdict moves.
      let isOneUse = again.use == verdict.use && verdict.state != .taken
      if again == verdict || (isOneUse && again.state != .free) {
        // Bounded: whatever a row says, a reader moves on, and not too far.
        let span = max(1, min(Packed.span(claim), ring.capacity / 4))
        return Entry(
          row: row, verdict: again, offset: Packed.offset(claim), span: span, owner: owner)
      }
      verdict = again
    }
    return nil
  }

  /// The rows in use. Empty, at the cost of one load, on a healthy bus.
  var entries: [Entry] { mayHaveRows ? rows.compactMap { entry($0) } : [] }

  /// How many slots from `offset` on are out of use because they belong to a void claim, in its own lap
  /// or in one that passed over it. Pending claims are decided on the way. `offset` may lie inside the
  /// claim: a reader that was sent to a message in the middle of a batch begins there.
  func voidSpan(at offset: Offset) -> UInt64? {
    guard mayHaveRows else { return nil }
    for number in rows {
      guard let entry = entry(number) else { continue }
      let into = (offset &- entry.offset) & ring.mask
      guard into < entry.span else { continue }
      let verdict = entry.verdict.state == .pending ? decide(entry) : entry.verdict
      let isVoid = verdict.state == .final || verdict.state == .released
      if isVoid, covers(entry, verdict, offset &- into) { return max(1, entry.span &- into) }
    }
    return nil
  }

  /// Whether the row is in force in the lap of `offset`.
  func covers(_ entry: Entry, _ verdict: Verdict, _ offset: Offset) -> Bool {
    let lap = ring.lap(offset)
    return Lap.distance(from: ring.lap(entry.offset), to: lap) >= 0
      && Lap.distance(from: lap, to: verdict.lap) >= 0
  }

  /// Second phase: whoever meets a pending claim finishes it, so that nobody waits for a
  /// quarantiner that died. After the barrier the owner's commit is either visible here, or its
  /// look at `revoked` will see that it must ask. Where the slots were claimed anew, the claim was over
  /// when its row became pending: its taker came late (`-DLATETAKEN` in `models/passing.pml`).
  @discardableResult
  func decide(_ entry: Entry) -> Verdict {
    guard entry.verdict.state == .pending else { return entry.verdict }
    let fenced = ProcessBarrier.fence()  // Q6, partner: K1, K4
    let word = ControlWord(ring.header(entry.offset).control.loadAcquire())  // Q7, partner: K1
    let isOver = ring.end > entry.offset &+ ring.capacity  // Q7, partner: C1
    let inTime = isOver || word.isDecided(in: ring.lap(entry.offset))
    // Without the barrier a commit may be under way unseen: the claim stands.
    let next = entry.verdict.becoming(inTime || !fenced ? .withdrawn : .final)
    let (exchanged, seen) = entry.row.verdict.compareExchange(entry.verdict.raw, next.raw)  // Q8
    return exchanged ? next : Verdict(seen)
  }

  /// First phase: takes an open claim of a living publisher out of use. False when the table is
  /// full, or when the owner decided it in time. A row whose taker died before it was pending is
  /// nobody's business but ``reclaim(cursor:)``'s: it says nothing yet.
  func take(
    _ offset: Offset, span: UInt64, publisher: Int, incarnation: UInt64, taker: UInt64
  ) -> Bool {
    let owner = Packed.owner(row: publisher, incarnation: incarnation)
    for entry in entries where entry.offset == offset && entry.owner == owner {
      if decide(entry).state == .final { return true }
    }
    for number in rows {
      let row = map.quarantineRow(number, partition: partition)
      let free = Verdict(row.verdict.loadAcquire())
      guard free.state == .free else { continue }
      let taken = Verdict.taken(by: taker, use: free.use + 1)
      guard row.verdict.compareExchange(free.raw, taken.raw).exchanged else { continue }
      row.claim.storeRelease(Packed.claim(offset, span: span))
      row.owner.storeRelease(owner)
      row.since.storeRelease(Clock.realtime())
      // Both before the verdict is pending: readers are told to look at the table, and the owner to
      // ask it after its commit.
      raiseStamp()
      map.endpoint(publisher).revoked.add(1)
      let pending = Verdict(.pending, lap: ring.lap(offset), use: taken.use)
      guard row.verdict.compareExchange(taken.raw, pending.raw).exchanged else { return false }
      let entry = Entry(row: row, verdict: pending, offset: offset, span: span, owner: owner)
      return decide(entry).state == .final
    }
    return false
  }

  /// What the owner of a claim does after it stored its decision and saw that `revoked` had moved:
  /// false if the claim is void. Pending is withdrawn by the owner; final is given back, because
  /// nothing of this claim is stored any more.
  func settle(_ offset: Offset, owner: UInt64) -> Bool {
    var stands = true
    for entry in entries where entry.offset == offset && entry.owner == owner {
      var verdict = entry.verdict
      // Its claim and owner may still be those of the row's last use. If it is ours, it becomes
      // pending after our decision, which is seen then.
      if verdict.state == .taken { continue }
      // Ends: verdicts only move forward, and laps as far as publishers pass.
      while true {
        let next: Verdict
        switch verdict.state {
        case .pending: next = verdict.becoming(.withdrawn)
        case .final: next = verdict.becoming(.released)
        case .free, .taken, .withdrawn, .released: next = verdict
        }
        if verdict.state == .final || verdict.state == .released { stands = false }
        if next == verdict { break }
        // Still its owner's: who reads the ring without the table, after a reboot, must not find a message
        // that its publisher was told is void.
        if verdict.state == .final {
          ring.abort(entry.offset, span: entry.span, publisher: UInt64(entry.publisher))
        }
        let (exchanged, seen) = entry.row.verdict.compareExchange(verdict.raw, next.raw)  // Q9
        if exchanged { break }
        verdict = Verdict(seen)
        if verdict.use != entry.verdict.use { break }
      }
    }
    return stands
  }

  /// The owner is dead: what is pending is decided, what is void may be used again. What is only taken
  /// does not say yet whose it is; ``reclaim(cursor:)`` meets it later.
  func release(ownedBy owner: UInt64) {
    for entry in entries where entry.owner == owner && entry.verdict.state != .taken {
      settleDead(entry)
    }
  }

  private func settleDead(_ entry: Entry) {
    var verdict = entry.verdict
    // Ends: verdicts only move forward, and laps as far as publishers pass.
    while verdict.use == entry.verdict.use {
      let next: Verdict
      switch verdict.state {
      case .pending:
        verdict = decide(entry)
        continue
      case .final: next = verdict.becoming(.released)
      case .free, .taken, .withdrawn, .released: return
      }
      let (exchanged, seen) = entry.row.verdict.compareExchange(verdict.raw, next.raw)
      verdict = exchanged ? next : Verdict(seen)
    }
  }
}

import CShmBus

// Announce, claim, mark (`models/claim.pml`).
//
//   1. read the cursor            who claimed last, and up to where
//   2. gate                       does the claim fit under the cached limit?
//   3. confirm the last claimant  it may not have marked its slot yet; after our claim the cursor no longer
//                                 tells that its claim was won, so its slot must
//   4. announce                   own cell: "I try (offset, span)"
//   5. CAS the cursor             won: the slots are ours to write
//
// So every claim stays attributable: a dead publisher's announced claim was won if the cursor still names it
// or its slot is marked; otherwise it never happened. The only locked instruction is one CAS on a line that
// only publishers touch, and nothing here loads from a slot's line: such a load waits for the line to come
// back from a reader's core.

extension Lane {
  /// What ``claim(_:span:)`` returns when the gate holds the claim back.
  @inlinable static var held: Offset { .max }

  /// Takes `span` slots and returns the first one's offset, or `held`.
  @inlinable @inline(__always)
  static func claim(_ lane: UnsafeMutablePointer<Lane>, span: UInt64) -> Offset {
    let cursor = unsafe lane.pointee.ring.cursor
    // Ends: each failed CAS means that another publisher's claim succeeded.
    while true {
      let seen = cursor.loadAcquire()  // M1, partner: C1
      let offset = Packed.cursorOffset(seen)
      if unsafe rarely(offset &+ span > lane.pointee.limit) {
        if unsafe !refreshLimit(lane, span: span) { return held }
        continue
      }
      if unsafe rarely(!attempt(lane, seen, span: span)) { continue }
      return offset
    }
  }

  /// Steps 3 to 5 for the cursor as it was `seen`; false if somebody else moved it meanwhile.
  @inlinable @inline(__always)
  static func attempt(_ lane: UnsafeMutablePointer<Lane>, _ seen: UInt64, span: UInt64) -> Bool {
    let me = unsafe lane.pointee.publisher
    let offset = Packed.cursorOffset(seen)
    let last = Packed.claimant(seen)
    if rarely(last != me) { unsafe confirm(lane, last, offset) }
    if unsafe rarely(lane.pointee.open.count != 0) { unsafe markOpenClaims(lane) }
    // A1. Release: whoever sees it sees the marks before it. Partner: C2, G3, V3, D2.
    unsafe lane.pointee.cell.announced.storeRelease(Packed.claim(offset, span: span))
    let claimed = Packed.cursor(offset &+ span, claimant: me)
    let won = unsafe lane.pointee.ring.cursor.compareExchange(seen, claimed).exchanged  // C1
    // O1. A reader that copies these slots (an observer, or anybody on an overwrite bus) must see the
    // cursor move first. Partner: O2.
    if won { releaseFence() }
    return won
  }

  /// Step 3: marks the last claimant's slot for it, unless it moved on (then it already did).
  @usableFromInline @inline(never)
  static func confirm(_ lane: UnsafeMutablePointer<Lane>, _ last: UInt64, _ offset: Offset) {
    let ring = unsafe lane.pointee.ring
    // Nobody, or a damaged cursor.
    guard last < ring.publishers else { return }
    let announced = ring.publisherCell(last).announced.loadAcquire()  // C2, partner: A1
    let start = Packed.offset(announced)
    let span = Packed.span(announced)
    guard span != 0, start &+ span == offset else { return }
    let lap = ring.lap(start)
    let control = ring.header(start).control
    var word = ControlWord(control.loadAcquire())
    guard word.isOlder(than: lap) else { return }
    // A claim that passed over quarantined slots is never marked: their owner may still store there.
    let quarantine = unsafe lane.pointee.gate.quarantine(of: ring)
    guard quarantine.voidSpan(at: start) == nil else { return }
    let mark = ControlWord(state: ControlWord.claimed, lap: lap, span: span, publisher: last)
    // Fails when the owner, a recoverer or another confirmer was quicker: decided or marked all the same.
    // Ends: only a confirmer or recoverer stopped in an earlier lap can leave the word older, once.
    while word.isOlder(than: lap) {
      let (exchanged, now) = control.compareExchange(word.raw, mark.raw)
      if exchanged { return }
      word = ControlWord(now)
    }
  }

  /// Step 4 for a publisher that still holds loans: they must be attributable without the announcement that
  /// is about to be replaced.
  @usableFromInline @inline(never)
  static func markOpenClaims(_ lane: UnsafeMutablePointer<Lane>) {
    let ring = unsafe lane.pointee.ring
    let open = unsafe lane.pointee.open
    for position in 0..<open.count where !open[position].marked {
      var claim = open[position]
      let mark = ControlWord(
        state: ControlWord.claimed, lap: ring.lap(claim.offset), span: UInt64(claim.span),
        publisher: unsafe lane.pointee.publisher)
      ring.header(claim.offset).control.storeRelease(mark.raw)  // A3, partner: G4, V4
      claim.marked = true
      open[position] = claim
    }
    unsafe lane.pointee.cell.floor.storeRelease(open[0].offset)  // A2, partner: G5, V7
  }
}

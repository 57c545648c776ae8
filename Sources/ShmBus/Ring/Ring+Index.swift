// The sparse index: for every boundary of `index_spacing` offsets, where the claim that covers it begins. Nothing it
// says is believed: the slot there tells whether a claim begins, in which lap, and at what time. An entry may be
// missing (its claim was given up), of another lap, or being written; then the one before it serves.

extension Ring {
  /// How many slots, at least, a message may lie behind one with a later time and still be found by its own.
  static var disorder: UInt64 { 128 }

  /// The entry for the boundary at or below an offset.
  func indexEntry(_ offset: Offset) -> IndexEntry {
    let boundary = offset & ~spacingMask
    let number = (boundary / (spacingMask &+ 1)) & indexMask
    return unsafe IndexEntry(index + Int(truncatingIfNeeded: number &<< 4))
  }

  /// Offsets as drawn at `shmbus_index_entry`.
  @safe
  struct IndexEntry {
    let start: SharedWord
    let timestamp: SharedWord
    init(_ base: UnsafeMutableRawPointer) {
      unsafe start = SharedWord(base)
      unsafe timestamp = SharedWord(base, at: 8)
    }

    /// A reader takes `start` for a hint and checks it against the slot; to believe the timestamp too,
    /// it must find the same `start` before and after.
    func write(_ offset: Offset, timestamp time: UInt64) {
      start.storeRelaxed(0)  // X1
      releaseFence()  // X2
      timestamp.storeRelaxed(time)  // X3
      start.storeRelease(offset &+ 1)  // X4, partner: X5
    }
  }

  /// One entry for each boundary of a claim. Nobody else writes these entries: the gate keeps the
  /// next lap away until the claim is decided. (Who rebuilds the index gives way.)
  @usableFromInline @inline(never)
  func writeIndex(_ claim: Offset, upTo lastBoundary: Offset, timestamp: UInt64) {
    var boundary = (claim &+ spacingMask) & ~spacingMask
    // Ends: at most 4,095 slots a claim.
    while boundary <= lastBoundary {
      indexEntry(boundary).write(claim, timestamp: timestamp)
      boundary &+= spacingMask &+ 1
    }
  }

  /// Where the claim begins that covers a boundary; nil where its entry does not tell.
  func indexedStart(_ boundary: Offset, notBelow oldest: Offset) -> Offset? {
    let start = indexEntry(boundary).start.loadAcquire() &- 1  // X5, partner: X4
    // A claim that begins further back cannot reach the boundary: the entry is an older lap's.
    guard start <= boundary, start >= oldest, boundary &- start < Packed.longestSpan,
      isClaimStart(start)
    else { return nil }
    return start
  }

  /// The time of the message that begins such a claim; nil for padding, too.
  private func indexedTime(_ boundary: Offset, notBelow oldest: Offset) -> UInt64? {
    guard let start = indexedStart(boundary, notBelow: oldest),
      case .message = standing(at: start)
    else { return nil }
    let time = header(start).timestamp
    return isIntact(start) ? time : nil
  }

  /// A place to walk from to the first message at or after a time: found by halving the index, and then
  /// some boundaries earlier, because messages of several publishers lie a little out of order.
  ///
  /// Looks at each missing entry at most once: what is passed over on the way down to one that tells is
  /// left out from then on.
  func placeToWalk(toTime time: UInt64, from oldest: Offset, to end: Offset) -> Offset {
    let spacing = spacingMask &+ 1
    let first = oldest / spacing
    // Up to `early` all are earlier than the time, or missing; from `late` on they are not, or not there.
    var early = first
    // The last boundary that is known to be earlier.
    var known = first
    var late = (end &+ spacingMask) / spacing
    // Ends: each turn moves `early` up or `late` down.
    while late > early &+ 1 {
      let middle = early &+ (late &- early) / 2
      var probe = middle
      var found = indexedTime(probe &* spacing, notBelow: oldest)
      while found == nil, probe > early &+ 1 {
        probe &-= 1
        found = indexedTime(probe &* spacing, notBelow: oldest)
      }
      if let found, found >= time {
        late = probe
      } else {
        if found != nil { known = probe }
        early = middle
      }
    }
    let slack = max(2, Self.disorder / spacing)
    let place = known > first &+ slack ? (known &- slack) &* spacing : oldest
    return claimStart(atOrBefore: place, notBelow: oldest, end: end)
  }

  /// Writes the index anew from the claims that are in the ring; returns how many entries were not right.
  ///
  /// For anybody who may write the segment, at any time. A publisher of the next lap may write the same
  /// entry at the same moment: an entry that may have become a mixture is emptied.
  @discardableResult
  func rebuildIndex() -> Int {
    let end = end
    var changed = 0
    var position = messageStart(atOrAfter: oldestIntact)
    var claim: Offset?
    // Ends: each step advances by at least one slot, at most to the cursor.
    while position < end {
      switch standing(at: position) {
      case .message(let span):
        if header(position).keyWord.flags & SlotHeader.Flag.insideBatch == 0 { claim = position }
        if let claim { changed += writeEntries(claim, covering: position, span: span) }
        position += span
      case .padding(let span):
        // Its flags may be those of what the slot held before; an entry that it has stays.
        position += span
      case .claimed(let span, _):
        claim = nil
        position += span
      case .nothing, .overrun:
        // Out of use, or overtaken: on to where the next claim begins.
        claim = nil
        position = firstClaimStart(from: max(position + 1, oldestIntact), to: end)
      }
    }
    return changed
  }

  private func writeEntries(_ claim: Offset, covering offset: Offset, span: UInt64) -> Int {
    let time = header(claim).timestamp
    var boundary = (offset &+ spacingMask) & ~spacingMask
    var changed = 0
    // Ends: at most 4,095 slots a claim.
    while boundary < offset &+ span {
      let entry = indexEntry(boundary)
      let isRight =
        entry.start.loadAcquire() == claim &+ 1 && entry.timestamp.loadRelaxed() == time
      if !isRight, isIntact(claim) {
        entry.write(claim, timestamp: time)
        if !isIntact(claim) { _ = entry.start.compareExchange(claim &+ 1, 0) }
        changed += 1
      }
      boundary &+= spacingMask &+ 1
    }
    return changed
  }
}

// What a reader finds at a position (`models/claim.pml`, Cons and Obs).

extension Ring {
  /// What stands at an offset.
  enum Standing: Equatable {
    /// A message of this many slots.
    case message(span: UInt64)
    /// Padding of this many slots.
    case padding(span: UInt64)
    /// Marked as an open claim of a publisher.
    case claimed(span: UInt64, publisher: UInt64)
    /// Nothing of this lap yet: beyond the cursor, or claimed and not marked.
    case nothing
    /// A later lap: the position was overrun.
    case overrun
  }

  func standing(at offset: Offset) -> Standing {
    let word = ControlWord(header(offset).control.loadAcquire())  // R1, partner: K1
    let age = Lap.distance(from: lap(offset), to: word.lap)
    if age > 0 { return .overrun }
    if age < 0 { return .nothing }
    let span = max(1, min(word.span, capacity / 4))
    switch word.state {
    case ControlWord.committed: return .message(span: span)
    case ControlWord.aborted: return .padding(span: span)
    case ControlWord.claimed: return .claimed(span: span, publisher: word.publisher)
    default: return .nothing
    }
  }

  /// Whose unmarked claim stands at an offset. Only the last claim of all can be unmarked: the
  /// cursor names its claimant, whose announcement tells the span.
  func unmarkedClaim(at offset: Offset, cursor: UInt64) -> (publisher: UInt64, span: UInt64)? {
    let claimant = Packed.claimant(cursor)
    // Nobody, or a damaged cursor.
    guard claimant < publishers else { return nil }
    let announced = publisherCell(claimant).announced.loadAcquire()  // D2, partner: A1
    let span = Packed.span(announced)
    guard span > 0, Packed.offset(announced) == offset,
      offset &+ span == Packed.cursorOffset(cursor)
    else { return nil }
    return (claimant, span)
  }

  /// Where the next message will go.
  var end: Offset { Packed.cursorOffset(cursor.loadAcquire()) }

  /// The oldest offset whose slots no claim has taken again.
  var oldestIntact: Offset { oldest(before: end) }

  /// The same, for a cursor as it was seen. Walks are bounded by the ring's length only if both their ends
  /// come from one look at it.
  func oldest(before end: Offset) -> Offset {
    max(end > capacity ? end &- capacity : 0, origin)
  }

  /// The oldest offset that may be read where `start` is the partition's: what is below it was trimmed.
  func oldestReadable(_ start: Offset) -> Offset { max(oldestIntact, min(start, end)) }

  /// Whether what was copied from `offset` on before this call was still whole.
  @inlinable
  func isIntact(_ offset: Offset) -> Bool {
    acquireFence()  // O2: the copy's loads come before the cursor's. Partner: O1.
    return Packed.cursorOffset(cursor.loadAcquire()) <= offset &+ capacity  // O3, partner: C1
  }

  /// The first place at or after `offset` where a reader may begin: a claim's start, or a message inside a
  /// batch that was reached from its start. Stops at the first undecided slot. `offset` itself when nothing
  /// is there yet.
  func messageStart(atOrAfter offset: Offset) -> Offset { seek(offset).position }

  /// The same; `isBlind` if nothing tells any more what stood from `offset` on up to there: the claim it
  /// belongs to has lost its start, and if that was a batch, messages behind it cannot be reached.
  func seek(_ offset: Offset) -> (position: Offset, isBlind: Bool) {
    let end = end
    guard offset < end else { return (offset, false) }
    let oldest = oldest(before: end)
    var position = claimStart(atOrBefore: offset, notBelow: oldest, end: end)
    let isBlind = position > offset
    // Ends: each step advances by at least one slot, and the ring has `capacity` of them.
    while position < offset {
      switch standing(at: position) {
      case .message(let span), .padding(let span): position += span
      case .claimed, .nothing, .overrun: return (max(position, oldest), isBlind)
      }
    }
    return (position, isBlind)
  }

  /// A claim's start at or before `offset` if one can be found, else the first one after `oldest`.
  func claimStart(
    atOrBefore offset: Offset, notBelow oldest: Offset, end: Offset
  ) -> Offset {
    if oldest == origin && offset &- origin <= spacingMask { return origin }
    var boundary = offset & ~spacingMask
    // Ends: boundaries go down to the oldest intact offset.
    while boundary >= oldest {
      if let start = indexedStart(boundary, notBelow: oldest) { return start }
      guard boundary > spacingMask else { break }
      boundary -= spacingMask &+ 1
    }
    return firstClaimStart(from: oldest, to: end)
  }

  /// Walks slot by slot, without the index: a control word of the right lap is a message, padding or a claim.
  func firstClaimStart(from oldest: Offset, to end: Offset) -> Offset {
    var position = oldest
    // Ends: at most `capacity` slots lie between the oldest intact offset and the cursor.
    while position < end && !isClaimStart(position) { position += 1 }
    return position
  }

  /// Whether a claim begins here: a word of this lap, and not a message inside a batch, whose words are
  /// written before the batch is decided.
  func isClaimStart(_ offset: Offset) -> Bool {
    switch standing(at: offset) {
    case .claimed: true
    case .message, .padding: header(offset).keyWord.flags & SlotHeader.Flag.insideBatch == 0
    case .nothing, .overrun: false
    }
  }
}

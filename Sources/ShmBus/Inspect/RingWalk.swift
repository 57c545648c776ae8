import CShmBus

/// Goes from claim to claim, from the oldest intact offset to the cursor, as a reader would; and where the
/// chain is broken, on to the next place where a claim begins.
///
/// On a live bus the ring moves under it: what is overwritten meanwhile is skipped, and what looks wrong
/// is looked at again.
struct RingWalk {
  let reader: SegmentReader
  let layout: PartitionLayout
  /// Where it ends: the cursor at its beginning.
  let end: Offset
  let oldest: Offset
  let isLive: Bool
  let voidClaims: () -> [VoidClaim]
  private var voids: [VoidClaim]
  var patience: Patience

  init(
    _ reader: SegmentReader, _ layout: PartitionLayout, end: Offset, isLive: Bool,
    voidClaims: @escaping () -> [VoidClaim]
  ) {
    self.reader = reader
    self.layout = layout
    self.end = end
    self.isLive = isLive
    self.voidClaims = voidClaims
    voids = voidClaims()
    let origin = min(end, reader.word(at: 120) ?? 0)
    oldest = max(origin, end > UInt64(layout.slots) ? end - UInt64(layout.slots) : 0)
    patience = Patience(isLive: isLive)
  }

  /// What stands at an offset where a claim or a message of a batch should begin.
  enum Standing: Equatable {
    case message(ControlWord)
    case padding(ControlWord)
    /// Marked, or announced and not marked yet.
    case open(span: UInt64, publisher: UInt64)
    case void(span: UInt64)
    case overrun
    /// Claimed by nobody that can be told.
    case hole(ControlWord)
    /// A control word of this lap that says what cannot be.
    case nonsense(ControlWord)

    var isSuspicious: Bool {
      switch self {
      case .hole, .nonsense: true
      case .message, .padding, .open, .void, .overrun: false
      }
    }
  }

  /// One step of the walk.
  struct Step {
    let offset: Offset
    let span: UInt64
    let standing: Standing
  }

  private var shift: UInt64 { UInt64(layout.slots.trailingZeroBitCount) }
  private var mask: UInt64 { UInt64(layout.slots - 1) }
  func lap(_ offset: Offset) -> UInt64 { Lap.of(offset, shift: shift) }
  func slot(_ offset: Offset) -> UInt64 { offset & mask }
  func headerPlace(_ offset: Offset) -> Int {
    layout.headersOffset + Int(slot(offset)) * SlotHeader.size
  }

  /// Nil where the segment was cut.
  func control(_ offset: Offset) -> ControlWord? {
    reader.word(at: headerPlace(offset) + 16).map { ControlWord($0) }
  }

  var cursorNow: UInt64 { reader.word(at: 128) ?? 0 }

  /// Whether an offset has been overwritten since the walk began, or may be at this moment.
  func isOverrun(_ offset: Offset) -> Bool {
    guard isLive else { return false }
    acquireFence()
    return Packed.cursorOffset(cursorNow) > offset &+ UInt64(layout.slots)
  }

  /// Calls `visit` for every step; the steps cover everything from the oldest offset to the end.
  mutating func run(_ visit: (inout RingWalk, Step) -> Void) {
    var position = skipRemnant(from: oldest, visit)
    // Ends: every round moves on by at least one slot.
    while position < end {
      let standing = look(at: position)
      let room = end - position
      switch standing {
      case .message(let word), .padding(let word):
        visit(&self, Step(offset: position, span: word.span, standing: standing))
        position += word.span
      case .open(let span, _), .void(let span):
        let span = min(span, room)
        visit(&self, Step(offset: position, span: span, standing: standing))
        position += span
      case .overrun:
        let oldest = Packed.cursorOffset(cursorNow) &- UInt64(layout.slots)
        let next = max(position + 1, min(oldest, end))
        visit(&self, Step(offset: position, span: next - position, standing: .overrun))
        position = skipRemnant(from: next, visit)
      case .hole, .nonsense:
        let next = nextStart(after: position)
        visit(&self, Step(offset: position, span: next - position, standing: standing))
        position = next
      }
    }
  }

  /// What is left of a claim whose first slots are overwritten is no fault, if it is not longer than a claim.
  private mutating func skipRemnant(
    from start: Offset, _ visit: (inout RingWalk, Step) -> Void
  ) -> Offset {
    guard start > 0, start < end else { return start }
    var next = start
    let limit = min(end, start + UInt64(layout.longestSpan))
    while next < limit, !isStart(next) { next += 1 }
    if next == limit, next < end, look(at: next).isSuspicious { return start }
    if next > start {
      visit(&self, Step(offset: start, span: next - start, standing: .overrun))
    }
    return next
  }

  private func nextStart(after position: Offset) -> Offset {
    var next = position + 1
    // Ends: at the cursor, at most a ring's length away.
    while next < end, !isStart(next) { next += 1 }
    return next
  }

  /// Whether a claim begins here: as `Ring.isClaimStart`, and what an announcement or a quarantine row tells.
  private func isStart(_ offset: Offset) -> Bool {
    switch read(offset) {
    case .message, .padding:
      let flags = reader.value(UInt16.self, at: headerPlace(offset) + 46) ?? 0
      return flags & SlotHeader.Flag.insideBatch == 0
    case .open, .void: return true
    case .hole, .nonsense, .overrun: return false
    }
  }

  private mutating func look(at offset: Offset) -> Standing {
    var standing = read(offset)
    guard standing.isSuspicious, isLive else { return standing }
    for _ in 0..<8 {
      if isOverrun(offset) { return .overrun }
      guard patience.allowsAnotherLook() else { break }
      voids = voidClaims()
      standing = read(offset)
      if !standing.isSuspicious { break }
    }
    return standing
  }

  private func read(_ offset: Offset) -> Standing {
    guard let word = control(offset) else { return .hole(ControlWord(0)) }
    if let span = voidSpan(offset) { return .void(span: span) }
    let age = Lap.distance(from: lap(offset), to: word.lap)
    if age > 0 { return isOverrun(offset) ? .overrun : .nonsense(word) }
    if age < 0 {
      if let claim = unmarkedClaim(at: offset) {
        return .open(span: claim.span, publisher: claim.publisher)
      }
      return .hole(word)
    }
    let fits = word.span > 0 && word.span <= UInt64(layout.longestSpan)
    // A message that ends beyond the cursor was claimed by nobody, unless the cursor has moved.
    guard fits, offset + word.span <= max(end, isLive ? Packed.cursorOffset(cursorNow) : 0)
    else { return .nonsense(word) }
    switch word.state {
    case ControlWord.committed: return .message(word)
    case ControlWord.aborted: return .padding(word)
    case ControlWord.claimed: return .open(span: word.span, publisher: word.publisher)
    default: return .nonsense(word)
    }
  }

  /// How many slots from an offset on are out of use, as `Quarantine.voidSpan` has it.
  private func voidSpan(_ offset: Offset) -> UInt64? {
    for void in voids {
      let into = (offset &- void.offset) & mask
      guard into < min(void.span, UInt64(layout.longestSpan)), into <= offset else { continue }
      let lap = lap(offset - into)
      if Lap.distance(from: self.lap(void.offset), to: lap) >= 0,
        Lap.distance(from: lap, to: void.lastLap) >= 0
      {
        return min(void.span, UInt64(layout.longestSpan)) - into
      }
    }
    return nil
  }

  /// Only the last claim of all can be unmarked: the cursor names its claimant, whose cell tells the span.
  private func unmarkedClaim(at offset: Offset) -> (publisher: UInt64, span: UInt64)? {
    let cursor = cursorNow
    let claimant = Packed.claimant(cursor)
    guard claimant < UInt64(layout.maxPublishers) else { return nil }
    let place = layout.cellsOffset + Int(claimant) * MemoryLayout<shmbus_cell>.size
    let announced = reader.word(at: place) ?? 0
    let span = Packed.span(announced)
    guard span > 0, span <= UInt64(layout.longestSpan), Packed.offset(announced) == offset,
      offset &+ span == Packed.cursorOffset(cursor)
    else { return nil }
    return (claimant, span)
  }

  /// The end that the slots themselves tell of, for a cursor that cannot be right.
  static func impliedEnd(_ reader: SegmentReader, _ layout: PartitionLayout) -> Offset {
    var end: Offset = 0
    let capacity = UInt64(layout.slots)
    for slot in 0..<capacity {
      let place = layout.headersOffset + Int(slot) * SlotHeader.size
      guard let raw = reader.word(at: place + 16) else { break }
      let word = ControlWord(raw)
      let magic = reader.value(UInt32.self, at: place)
      guard word.lap > 0, word.state == ControlWord.committed, magic == SHMBUS_MESSAGE_MAGIC,
        word.span > 0, word.span <= UInt64(layout.longestSpan),
        word.lap < (1 << 52) / capacity
      else { continue }
      end = max(end, (word.lap - 1) * capacity + slot + word.span)
    }
    return end
  }
}

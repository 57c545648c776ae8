import CShmBus

/// What to read of a ring, beyond its outline.
package struct InspectionOptions: Sendable {
  /// The messages to decode; nil is the newest `newest` of them.
  package var offsets: ClosedRange<Offset>?
  package var newest: Int
  /// Copy payloads too.
  package var withPayload: Bool
  /// Check key hashes, checksums and the whole index too.
  package var verify: Bool

  package init(
    offsets: ClosedRange<Offset>? = nil, newest: Int = 16, withPayload: Bool = false,
    verify: Bool = false
  ) {
    self.offsets = offsets
    self.newest = newest
    self.withPayload = withPayload
    self.verify = verify
  }

  /// More messages than this are not decoded at a time: reports have a size.
  package static let mostMessages = 1_000_000
}

/// Takes down a ring, step by step of its walk.
struct RingInspector {
  let partition: PartitionInspector
  let layout: PartitionLayout
  let options: InspectionOptions
  var log: FindingLog
  var runs: [RingReport.Run] = []
  var counts = RingReport.Counts()
  var slots: [SlotReport] = []
  var slotsOmitted = 0
  /// The oldest claim that is not decided, and whose it is.
  var oldestOpen: (offset: Offset, publisher: UInt64)?
  /// All who have one.
  var publishersWithOpenClaims: Set<Int> = []
  var index: IndexCheck
  private var claimStart: Offset?

  init(
    _ partition: PartitionInspector, _ layout: PartitionLayout, _ options: InspectionOptions,
    _ log: FindingLog
  ) {
    self.partition = partition
    self.layout = layout
    self.options = options
    self.log = log
    index = IndexCheck(layout)
  }

  mutating func take(_ walk: inout RingWalk, _ step: RingWalk.Step) {
    let offset = step.offset
    switch step.standing {
    case .message(let word):
      guard let slot = check(&walk, offset, word) else {
        // Overwritten while it was read.
        return add(offset, step.span, .overrun)
      }
      counts.messages += 1
      counts.payloadBytes += Int(slot.length)
      let isInside = slot.isInsideBatch && claimStart != nil
      if !isInside { claimStart = offset }
      index.expect(
        claimStart ?? offset, from: offset, span: step.span, timestamp: slot.timestamp,
        isCommitted: true)
      keep(slot)
      add(offset, step.span, slot.state)
    case .padding(let word):
      counts.paddings += 1
      let slot = decode(walk, step, word, .padding)
      if !slot.isInsideBatch { claimStart = offset }
      index.expect(
        claimStart ?? offset, from: offset, span: step.span, timestamp: nil, isCommitted: false)
      keep(slot)
      add(offset, step.span, .padding)
    case .open(_, let publisher):
      counts.open += 1
      if oldestOpen == nil { oldestOpen = (offset, publisher) }
      publishersWithOpenClaims.insert(Int(publisher))
      // Its publisher writes its index entries before it commits.
      index.expect(offset, from: offset, span: step.span, timestamp: nil, isCommitted: false)
      leave(walk, step, .open)
    case .void:
      counts.quarantined += 1
      index.expect(offset, from: offset, span: step.span, timestamp: nil, isCommitted: false)
      leave(walk, step, .quarantined)
    case .overrun:
      claimStart = nil
      add(offset, step.span, offset == walk.oldest ? .remnant : .overrun)
    case .hole(let word), .nonsense(let word):
      index.hasBreaks = true
      reportBreak(walk, step, word)
      leave(walk, step, .damaged)
    }
  }

  private mutating func leave(_ walk: RingWalk, _ step: RingWalk.Step, _ state: RingReport.State) {
    claimStart = nil
    if let word = walk.control(step.offset) { keep(decode(walk, step, word, state)) }
    add(step.offset, step.span, state)
  }

  private mutating func reportBreak(
    _ walk: RingWalk, _ step: RingWalk.Step, _ word: ControlWord
  ) {
    let place = walk.headerPlace(step.offset) + 16
    let slot = "slot \(walk.slot(step.offset)) (offset \(step.offset))"
    let lap = walk.lap(step.offset)
    if walk.control(step.offset) == nil {
      log.report(
        at: place, slot, found: "the segment's end", expected: "\(step.span) more slots")
    } else if case .hole = step.standing {
      log.report(
        at: place, slot, found: "a control word of lap \(word.lap)",
        expected:
          "one of lap \(lap): the cursor has passed, and no publisher announces this claim; "
          + "the next claim begins at offset \(step.offset + step.span)")
    } else {
      log.report(
        at: place, slot,
        found: "control word \(word.described)",
        expected: "lap \(lap), a state, a span of 1 to \(layout.longestSpan) up to the cursor "
          + "\(walk.end)")
    }
  }

  mutating func add(_ offset: Offset, _ count: UInt64, _ state: RingReport.State) {
    if let last = runs.last, last.state == state, last.end == offset {
      runs[runs.count - 1] = RingReport.Run(
        start: last.start, count: last.count + count, state: state)
    } else {
      runs.append(RingReport.Run(start: offset, count: count, state: state))
    }
  }

  private mutating func keep(_ slot: SlotReport) {
    if let wanted = options.offsets {
      guard slot.offset <= wanted.upperBound, slot.offset + max(1, slot.span) > wanted.lowerBound
      else { return }
    }
    slots.append(slot)
    let limit =
      options.offsets == nil
      ? min(options.newest, InspectionOptions.mostMessages) : InspectionOptions.mostMessages
    // Twice the limit, so that dropping the oldest costs little.
    if slots.count >= max(64, 2 * limit) { drop(to: limit) }
  }

  mutating func drop(to limit: Int) {
    guard slots.count > limit else { return }
    slotsOmitted += slots.count - limit
    slots.removeFirst(slots.count - limit)
  }
}

extension ControlWord {
  /// For people.
  var described: String {
    let states = ["unused", "claimed", "committed", "aborted"]
    return "lap \(lap), span \(span), publisher \(publisher), \(states[Int(state)])"
  }
}

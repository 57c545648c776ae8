import CShmBus

/// Holds the sparse index against the claims that the walk has met.
struct IndexCheck {
  private let layout: PartitionLayout
  /// By entry: the claim that covers its boundary in the window that was walked.
  private var expected: [Int: Expectation] = [:]
  /// Where the chain of claims is broken, nobody knows what an entry should say.
  var hasBreaks = false

  private struct Expectation {
    let start: Offset
    let timestamp: UInt64?
    let isCommitted: Bool
  }

  init(_ layout: PartitionLayout) { self.layout = layout }

  /// A message or padding of the claim that begins at `start` covers [offset, offset + span).
  mutating func expect(
    _ start: Offset, from offset: Offset, span: UInt64, timestamp: UInt64?, isCommitted: Bool
  ) {
    let spacing = UInt64(layout.indexSpacing)
    var boundary = (offset + spacing - 1) & ~(spacing - 1)
    // Ends: a span is at most 4,095 slots.
    while boundary < offset + span {
      expected[entry(boundary)] = Expectation(
        start: start, timestamp: timestamp, isCommitted: isCommitted)
      boundary += spacing
    }
  }

  private func entry(_ boundary: Offset) -> Int {
    Int(boundary / UInt64(layout.indexSpacing)) & (layout.indexEntries - 1)
  }

  /// Every entry, and whether it is right.
  func run(
    _ walk: inout RingWalk, _ log: inout FindingLog
  ) -> [RingReport.IndexEntry] {
    (0..<layout.indexEntries).compactMap { number in
      let place = layout.indexOffset + number * MemoryLayout<shmbus_index_entry>.size
      guard var found = read(place, walk.reader) else { return nil }
      var standing = judge(number, found, walk)
      while standing == .wrong, walk.patience.allowsAnotherLook() {
        found = read(place, walk.reader) ?? found
        standing = judge(number, found, walk)
      }
      if standing == .wrong { report(number, found, place, &log) }
      return RingReport.IndexEntry(
        number: number, start: found.start == 0 ? nil : found.start - 1,
        timestamp: found.timestamp, standing: standing)
    }
  }

  private func report(
    _ number: Int, _ found: (start: UInt64, timestamp: UInt64), _ place: Int,
    _ log: inout FindingLog
  ) {
    let wanted = expected[number].map { claim in
      "offset \(claim.start)" + (claim.timestamp.map { " at \($0)" } ?? "")
    }
    log.report(
      at: place, "index entry \(number)",
      found: found.start == 0
        ? "nothing" : "offset \(found.start - 1) at \(found.timestamp)",
      expected: wanted ?? "the start of a claim below the cursor")
  }

  /// `start` is the same before and after the time was read, as a reader of the index has it.
  private func read(_ place: Int, _ reader: SegmentReader) -> (start: UInt64, timestamp: UInt64)? {
    guard let start = reader.word(at: place), let timestamp = reader.word(at: place + 8) else {
      return nil
    }
    return (reader.word(at: place) == start ? start : 0, timestamp)
  }

  private func judge(
    _ number: Int, _ found: (start: UInt64, timestamp: UInt64), _ walk: RingWalk
  ) -> RingReport.IndexEntry.Standing {
    let claim = expected[number]
    let isDue = claim?.isCommitted == true && !walk.isOverrun(claim?.start ?? 0)
    guard found.start > 0 else { return isDue ? .wrong : .empty }
    let start = found.start - 1
    if let claim, start == claim.start {
      return claim.timestamp == nil || claim.timestamp == found.timestamp ? .right : .wrong
    }
    if start < walk.oldest { return isDue ? .wrong : .stale }
    if start >= walk.end {
      // Written since the walk began, by a claim that the cursor has passed.
      let isNew = walk.isLive && start < Packed.cursorOffset(walk.cursorNow)
      return isNew ? .right : .wrong
    }
    return hasBreaks || walk.isOverrun(start) ? .stale : .wrong
  }
}

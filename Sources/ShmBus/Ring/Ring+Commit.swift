import CShmBus

// Making a claim visible, or giving it up. One release store of the first slot's control word decides all.

extension Ring {
  /// Publishes the message at `offset`: everything written before is visible to whoever sees the word.
  @inlinable @inline(__always)
  func commit(_ offset: Offset, span: UInt64, publisher: UInt64) {
    let word = ControlWord(
      state: ControlWord.committed, lap: lap(offset), span: span, publisher: publisher)
    header(offset).control.storeRelease(word.raw)  // K1, partner: R1
  }

  /// Turns the whole claim into padding that readers skip.
  func abort(_ offset: Offset, span: UInt64, publisher: UInt64) {
    let word = ControlWord(
      state: ControlWord.aborted, lap: lap(offset), span: span, publisher: publisher)
    header(offset).control.storeRelease(word.raw)
  }

  /// Notes a claim in the sparse index where it covers a boundary.
  @inlinable @inline(__always)
  func note(_ offset: Offset, span: UInt64, timestamp: UInt64) {
    let lastBoundary = (offset &+ span &- 1) & ~spacingMask
    if lastBoundary >= offset { writeIndex(offset, upTo: lastBoundary, timestamp: timestamp) }
  }

  /// One entry for each boundary of the claim. Nobody else writes these entries: the gate keeps the next lap
  /// away until the claim is decided. A reader believes an entry only if `start` was the same before and
  /// after, and checks it against the slot all the same.
  @usableFromInline @inline(never)
  func writeIndex(_ offset: Offset, upTo lastBoundary: Offset, timestamp: UInt64) {
    var boundary = (offset &+ spacingMask) & ~spacingMask
    // Ends: at most 4,095 slots a claim.
    while boundary <= lastBoundary {
      let entry = indexEntry(boundary)
      entry.start.storeRelaxed(0)
      releaseFence()
      entry.timestamp.storeRelaxed(timestamp)
      entry.start.storeRelease(offset &+ 1)
      boundary &+= spacingMask &+ 1
    }
  }

  /// The entry for the boundary at or below an offset.
  @usableFromInline
  func indexEntry(_ offset: Offset) -> IndexEntry {
    let boundary = offset & ~spacingMask
    let number = (boundary / (spacingMask &+ 1)) & indexMask
    return unsafe IndexEntry(index + Int(truncatingIfNeeded: number &<< 4))
  }

  /// Offsets as drawn at `shmbus_index_entry`.
  @safe @usableFromInline
  struct IndexEntry {
    @usableFromInline let start: SharedWord
    @usableFromInline let timestamp: SharedWord
    init(_ base: UnsafeMutableRawPointer) {
      unsafe start = SharedWord(base)
      unsafe timestamp = SharedWord(base, at: 8)
    }
  }
}

extension Lane {
  /// Forgets a loan that was committed or aborted and moves the floor up to the next one that needs it.
  static func close(_ lane: UnsafeMutablePointer<Lane>, _ offset: Offset) {
    unsafe lane.pointee.open.remove(offset)
    let cell = unsafe lane.pointee.cell
    guard cell.floor.loadRelaxed() != Packed.none else { return }
    let open = unsafe lane.pointee.open
    let oldest = open.count > 0 && open[0].marked ? open[0].offset : Packed.none
    cell.floor.storeRelease(oldest)
  }
}

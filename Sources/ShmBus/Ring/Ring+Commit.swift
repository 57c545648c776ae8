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
    header(offset).control.storeRelease(word.raw)  // K1, partner: R1
  }
}

extension Lane {
  /// Notes a claim in the sparse index where it covers a boundary.
  @inlinable @inline(__always)
  static func note(
    _ lane: UnsafeMutablePointer<Lane>, _ offset: Offset, span: UInt64, timestamp: UInt64
  ) {
    let lastBoundary = unsafe (offset &+ span &- 1) & ~lane.pointee.ring.spacingMask
    if rarely(lastBoundary >= offset) {
      unsafe lane.pointee.ring.writeIndex(offset, upTo: lastBoundary, timestamp: timestamp)
    }
  }

  /// Forgets a loan that was committed or aborted and moves the floor up to the next one that needs it.
  static func close(_ lane: UnsafeMutablePointer<Lane>, _ offset: Offset) {
    unsafe lane.pointee.open.remove(offset)
    let cell = unsafe lane.pointee.cell
    guard cell.floor.loadRelaxed() != Packed.none else { return }  // A4: our own
    let open = unsafe lane.pointee.open
    let oldest = open.count > 0 && open[0].marked ? open[0].offset : Packed.none
    cell.floor.storeRelease(oldest)  // A2, after K1
  }
}

// Deciding what a dead publisher left undecided (`models/claim.pml`, Recoverer).

extension Ring {
  /// Turns every open claim of a dead publisher in this partition into padding.
  ///
  /// The caller has seen, in this order: `incarnation`, and that the kernel no longer holds the row's lock.
  /// `isSameUse` re-reads the incarnation: a slot is only touched if it still is the dead one's after the slot
  /// was read; checking any earlier could abort the next owner's live claim. Each step is one CAS that a
  /// second recoverer may repeat. Returns false if the row was used anew meanwhile.
  func recover(publisher: UInt64, isSameUse: () -> Bool) -> Bool {
    let seen = cursor.loadAcquire()  // V2, partner: C1
    let cell = publisherCell(publisher)
    let announced = cell.announced.loadAcquire()  // V3, partner: A1
    let start = Packed.offset(announced)
    let span = Packed.span(announced)
    if span != 0 {
      let control = header(start).control
      let word = ControlWord(control.loadAcquire())  // V4, partner: K1, C4
      let lap = lap(start)
      let wonAndUnmarked =
        seen == Packed.cursor(start &+ span, claimant: publisher) && word.isOlder(than: lap)
      guard isSameUse() else { return false }  // V5
      if wonAndUnmarked || word.isClaimed(in: lap, by: publisher) {
        let padding = ControlWord(
          state: ControlWord.aborted, lap: lap, span: span, publisher: publisher)
        if !control.compareExchange(word.raw, padding.raw).exchanged {  // V6
          // A confirmer marked it first, or another recoverer decided it: a mark is ours to decide.
          let mark = ControlWord(control.loadAcquire())
          guard isSameUse() else { return false }
          if mark.isClaimed(in: lap, by: publisher) {
            _ = control.compareExchange(mark.raw, padding.raw)
          }
        }
      }
    }
    let floor = cell.floor.loadAcquire()  // V7, partner: A2
    guard floor != Packed.none else { return isSameUse() }
    return recoverMarks(of: publisher, from: floor, to: Packed.cursorOffset(seen), isSameUse)
  }

  /// Older claims were marked before the announcement that followed them; all lie at or above the floor.
  private func recoverMarks(
    of publisher: UInt64, from floor: Offset, to end: Offset, _ isSameUse: () -> Bool
  ) -> Bool {
    var offset = end > capacity ? max(floor, end &- capacity) : floor
    // Ends: at most `capacity` offsets.
    while offset < end {
      let control = header(offset).control
      let word = ControlWord(control.loadAcquire())  // V4
      if word.isClaimed(in: lap(offset), by: publisher) {
        guard isSameUse() else { return false }  // V5
        let padding = ControlWord(
          state: ControlWord.aborted, lap: word.lap, span: word.span, publisher: publisher)
        _ = control.compareExchange(word.raw, padding.raw)  // V6
      }
      offset &+= 1
    }
    return isSameUse()
  }
}

// Deciding what a dead publisher left undecided (`models/claim.pml`, Recoverer).

extension Ring {
  /// Turns every open claim of a dead publisher in this partition into padding.
  ///
  /// `isVoid` says that slots are out of use. The caller has seen, in this order: `incarnation`, and that the kernel no longer holds the row's lock.
  /// `isSameUse` re-reads the incarnation: a slot is only touched if it still is the dead one's after the slot
  /// was read; checking any earlier could abort the next owner's live claim. Each step is one CAS that a
  /// second recoverer may repeat. Returns false if the row was used anew meanwhile.
  func recover(
    publisher: UInt64, isVoid: (Offset) -> Bool, isSameUse: () -> Bool
  ) -> Bool {
    let seen = cursor.loadAcquire()
    let cell = publisherCell(publisher)
    let announced = cell.announced.loadAcquire()  // V3, partner: A1
    let start = Packed.offset(announced)
    let span = Packed.span(announced)
    if span != 0 {
      let control = header(start).control
      let lap = lap(start)
      let mayBeUnmarked = seen == Packed.cursor(start &+ span, claimant: publisher)
      let padding = ControlWord(
        state: ControlWord.aborted, lap: lap, span: span, publisher: publisher)
      var word = ControlWord(control.loadAcquire())
      // Ends: a word that changed was marked by a confirmer, decided by another recoverer, or left older by
      // one that was stopped in an earlier lap.
      while word.isClaimed(in: lap, by: publisher) || (mayBeUnmarked && word.isOlder(than: lap)) {
        // Slots that a claim passed over are decided by their row: their owner may still store there.
        if isVoid(start) { break }
        guard isSameUse() else { return false }
        let (exchanged, now) = control.compareExchange(word.raw, padding.raw)
        if exchanged { break }
        word = ControlWord(now)
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

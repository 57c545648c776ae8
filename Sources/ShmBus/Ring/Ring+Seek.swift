// Looking for a place by time. Nothing found here is believed for longer than it is intact.

extension Ring {
  /// The first message at or after a time, as far as messages lie in the order of their times to within
  /// 128 slots; where reading may go on if there is none. Stops at the first undecided
  /// slot. Costs a search of the index and a walk of a few spacings.
  func messageStart(notBefore time: UInt64) -> Offset {
    // Bounded: each turn but the last was overtaken by publishers.
    for _ in 0..<8 {
      let end = end
      let oldest = oldest(before: end)
      guard oldest < end else { return end }
      let start = placeToWalk(toTime: time, from: oldest, to: end)
      if let found = walk(toTime: time, from: start, to: end) { return found }
    }
    return messageStart(atOrAfter: oldestIntact)
  }

  /// Nil when the ring was lapped meanwhile.
  func walk(toTime time: UInt64, from start: Offset, to end: Offset) -> Offset? {
    var position = start
    // Ends: each step advances by at least one slot, and the ring has `capacity` of them.
    while position < end {
      switch standing(at: position) {
      case .message(let span):
        let isLate = header(position).timestamp >= time
        guard isIntact(position) else { return nil }
        if isLate { return position }
        position += span
      case .padding(let span): position += span
      case .claimed, .nothing: return position
      case .overrun: return nil
      }
    }
    return position
  }

  /// The first place at or after `offset` where a reader may begin, or the end; but the first undecided
  /// slot if that comes before.
  func decidedStart(atOrAfter offset: Offset) -> Offset {
    let end = end
    guard offset >= end, end > 0 else { return messageStart(atOrAfter: offset) }
    let last = messageStart(atOrAfter: end - 1)
    switch last < end ? standing(at: last) : .nothing {
    case .message(let span), .padding(let span): return min(last + span, end)
    case .claimed, .nothing, .overrun: return last
    }
  }

  /// The time of the first message at or after an offset; nil when there is none yet, or not within
  /// a few slots.
  func time(at offset: Offset) -> UInt64? {
    let end = end
    var position = messageStart(atOrAfter: max(offset, oldestIntact))
    for _ in 0..<256 where position < end {
      switch standing(at: position) {
      case .message:
        let time = header(position).timestamp
        return isIntact(position) ? time : nil
      case .padding(let span): position += span
      case .claimed, .nothing, .overrun: return nil
      }
    }
    return nil
  }
}

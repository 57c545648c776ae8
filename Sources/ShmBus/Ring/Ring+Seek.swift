// Looking for a place by time. Nothing found here is believed for longer than it is intact.

extension Ring {
  /// The first message at or after a time, as far as messages lie in the order of their times;
  /// where reading may go on if there is none. Stops at the first undecided slot.
  func messageStart(notBefore time: UInt64) -> Offset {
    let end = end
    let oldest = oldest(before: end)
    var position = lastClaim(before: time, from: oldest, to: end)
    // Ends: each step advances by at least one slot, and the ring has `capacity` of them.
    while position < end {
      switch standing(at: position) {
      case .message(let span):
        if header(position).timestamp >= time, isIntact(position) { return position }
        position += span
      case .padding(let span): position += span
      case .claimed, .nothing: return position
      case .overrun: return messageStart(atOrAfter: max(position, oldestIntact))
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

  /// A place to walk from, by the sparse index: one entry before the first that is not earlier than
  /// `time`.
  private func lastClaim(before time: UInt64, from oldest: Offset, to end: Offset) -> Offset {
    let spacing = spacingMask &+ 1
    var before = messageStart(atOrAfter: oldest)
    var last = before
    var boundary = (oldest + spacingMask) & ~spacingMask
    // Ends: boundaries go up to the cursor.
    while boundary < end {
      let start = messageStart(atOrAfter: boundary)
      guard case .message = standing(at: start) else {
        boundary += spacing
        continue
      }
      if header(start).timestamp >= time { return before }
      before = last
      last = start
      boundary += spacing
    }
    return before
  }
}

import ShmBus

// What must hold between what publishers and readers wrote down. Each check says what is wrong, or nil.

extension Ledger {
  /// The whole account of a partition where nobody is left: what is wrong with it, or nil.
  package mutating func fault(in readings: [Reading], cursor: Offset) -> String? {
    for reading in readings {
      if let fault = resolve(reading) { return fault }
    }
    let visible = visible
    if let fault = overlaps(cursor: cursor) ?? Self.isOutOfOrder(visible) { return fault }
    for reading in readings {
      if let fault = differs(from: reading, visible: visible, cursor: cursor) { return fault }
    }
    return nil
  }

  /// Claims that are known: messages wherever they are, and padding.
  private var claims: [Stretch] {
    let messages = sent.filter { $0.offset != Entry.nowhere && $0.verdict != .refused }
      .map { Stretch(from: $0.offset, to: $0.offset + $0.span) }
    return (messages + padding).sorted { $0.from < $1.from }
  }

  /// No slot was given to two, and none beyond the cursor.
  package func overlaps(cursor: Offset) -> String? {
    var last = Stretch(from: 0, to: 0)
    for claim in claims {
      guard claim.from >= last.to else { return "claims overlap: \(last) and \(claim)" }
      last = claim
    }
    return last.to <= cursor ? nil : "\(last) was claimed, the cursor is \(cursor)"
  }

  /// The ring holds what the publishers say and nothing else: messages and padding cover every offset once.
  /// Only where every publisher lived to say.
  package func covers(upTo cursor: Offset) -> String? {
    var position: Offset = 0
    for claim in claims {
      guard claim.from == position else {
        return "claims overlap or leave a hole at \(position): \(claim)"
      }
      position = claim.to
    }
    return position == cursor ? nil : "claims end at \(position), the cursor is \(cursor)"
  }

  /// The messages that readers must be given, by offset.
  package var visible: [Sent] { sent.filter(\.isVisible).sorted { $0.offset < $1.offset } }

  /// The numbers of each publisher rise with its offsets.
  package static func isOutOfOrder(_ visible: [Sent]) -> String? {
    var last: [Int: Int] = [:]
    for message in visible {
      guard message.name.number > last[message.name.publisher] ?? -1 else {
        return "out of order: \(message) after number \(last[message.name.publisher] ?? -1)"
      }
      last[message.name.publisher] = message.name.number
    }
    return nil
  }

  /// Every reader was given every message, once, whole and in order, or told that it is gone. `resolve` has
  /// seen all readings before.
  package func differs(from reading: Reading, visible: [Sent], cursor: Offset) -> String? {
    isUnfinished(reading, cursor: cursor) ?? isDisordered(reading, cursor: cursor) ?? isIncomplete(
      reading, visible)
      ?? startsTooLate(reading, visible)
  }

  private func isUnfinished(_ reading: Reading, cursor: Offset) -> String? {
    guard let end = reading.end, end > cursor || (reading.isDrained && end < cursor) else {
      return nil
    }
    return
      "\(reading.reader) \(end > cursor ? "came to" : "has read all, up to") \(end), the cursor"
      + " is \(cursor)"
  }

  /// What the reader was given, by itself: forward, whole, and gaps that can be.
  private func isDisordered(_ reading: Reading, cursor: Offset) -> String? {
    var position = reading.start
    var gaps = reading.gaps[...]
    for seen in reading.seen {
      while let gap = gaps.first, gap.from <= seen.offset {
        guard gap.from >= position, gap.to > gap.from else {
          return "\(reading.reader) was told of \(gap) at \(position)"
        }
        position = gap.to
        gaps.removeFirst()
      }
      guard seen.offset >= position else {
        return "\(reading.reader) was given \(seen) at \(position)"
      }
      guard let place = byOffset[seen.offset] else { return "nobody sent \(seen)" }
      let message = sent[place]
      guard seen.length == message.length, seen.digest == message.digest else {
        return "\(reading.reader) was given torn bytes: \(seen), sent \(message)"
      }
      position = seen.offset + message.span
    }
    let end = max(gaps.last?.to ?? 0, position)
    return end <= cursor ? nil : "\(reading.reader) came to \(end), the cursor is \(cursor)"
  }

  /// Every visible message between its start and its end was given out, or was in a gap, and only once.
  private func isIncomplete(_ reading: Reading, _ visible: [Sent]) -> String? {
    let last = reading.seen.last.map { $0.offset + 1 } ?? reading.start
    let end = reading.end ?? max(last, reading.gaps.last?.to ?? 0)
    var seen = reading.seen[...]
    var gaps = reading.gaps[...]
    var place = visible.partitioningIndex { $0.offset >= reading.start }
    while place < visible.count, visible[place].offset < end {
      let message = visible[place]
      while let gap = gaps.first, gap.to <= message.offset { gaps.removeFirst() }
      let isGone = gaps.first.map { $0.from <= message.offset } ?? false
      let isGiven = seen.first?.offset == message.offset
      if isGiven { seen.removeFirst() }
      if isGone, reading.promise == .everything, message.began > reading.joined {
        return "\(reading.reader) had joined before, and lost, \(message): \(gaps.first!)"
      }
      if isGone, let gap = gaps.first, gap.to < message.offset + message.span {
        return "\(reading.reader) was told of \(gap), which ends inside \(message)"
      }
      guard isGone != isGiven else {
        return "\(reading.reader) \(isGone ? "was given and lost" : "was never given") \(message)"
      }
      place += 1
    }
    return seen.isEmpty ? nil : "\(reading.reader) was given \(seen.first!) out of turn"
  }

  /// Whatever was begun after a reader had joined stands behind its start.
  private func startsTooLate(_ reading: Reading, _ visible: [Sent]) -> String? {
    let end = visible.partitioningIndex { $0.offset >= reading.start }
    // Far enough: no publisher falls a whole ring behind another.
    for message in visible[..<end].reversed().prefix(4096) where message.began > reading.joined {
      return "\(reading.reader) joined before, and starts behind, \(message)"
    }
    return nil
  }
}

extension Array {
  /// The first index whose element, and all behind it, fulfil `isIn`.
  func partitioningIndex(_ isIn: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isIn(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

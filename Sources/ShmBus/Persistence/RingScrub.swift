import CShmBus

// After a reboot. The disk has some version of each page, none older than the last sync. Every claim that
// is whole is kept at its offset; everything else between the oldest offset and the ceiling becomes padding
// that says what was lost. Nothing here depends on the cursor, the cells or the index that reached the disk.

/// What became of a stored partition.
public struct RecoveredPartition: Sendable, Equatable {
  /// The partition.
  public let partition: Int
  /// Where publishing goes on: above every offset that was ever handed out.
  public let cursor: Offset
  /// The oldest offset that can be read.
  public let oldest: Offset
  /// Messages that are there.
  public let messages: Int
  /// Stretches of offsets that could not be brought back, or were never handed out, in order. Readers get
  /// a gap for each.
  public let lost: [Range<Offset>]
}

/// The scrub of one stored ring, while nobody else has it open. It may be repeated: one that was
/// interrupted finds what it has done already.
@safe
struct RingScrub {
  private let ring: Ring
  /// The window of offsets that the ring's slots stand for.
  private let window: Range<Offset>
  private var lost: [Range<Offset>] = []
  /// Slots that are padding as they were before.
  private var padded: [Range<Offset>] = []
  private var messages = 0
  private var oldest: Offset?
  /// Slots below it belong to padding that was met.
  private var paddedTo: Offset

  private init(_ ring: Ring, ceiling: Offset) {
    self.ring = ring
    window = (ceiling > ring.capacity ? ceiling - ring.capacity : 0)..<ceiling
    paddedTo = window.lowerBound
  }

  /// Recovers a ring whose offsets all lie below `ceiling`.
  static func run(
    _ ring: Ring, partition: Int, ceiling: Offset
  ) -> RecoveredPartition {
    var scrub = RingScrub(ring, ceiling: ceiling)
    scrub.clearIndex()
    scrub.walk()
    for stretch in scrub.lost { scrub.bury(stretch, isLost: true) }
    for stretch in scrub.padded { scrub.bury(stretch, isLost: false) }
    scrub.clearCells()
    ring.cursor.storeRelease(Packed.cursor(ceiling, claimant: Packed.nobody))
    return RecoveredPartition(
      partition: partition, cursor: ceiling, oldest: scrub.oldest ?? ceiling,
      messages: scrub.messages, lost: scrub.lost)
  }

  private mutating func walk() {
    var position = window.lowerBound
    // Ends: each turn goes on by a slot at least.
    while position < window.upperBound {
      if let end = wholeClaim(at: position) {
        ring.writeIndex(position, upTo: end - 1, timestamp: ring.header(position).timestamp)
        oldest = oldest ?? position
        position = end
        continue
      }
      let word = ControlWord(ring.header(position).control.loadRelaxed())
      if word.lap == ring.lap(position), word.state == ControlWord.aborted,
        ring.lostEnd(at: position) == nil
      {
        // Not skipped as a whole: a damaged span must not hide what is behind it.
        paddedTo = max(paddedTo, min(position + max(1, word.span), window.upperBound))
      }
      if position < paddedTo {
        Self.add(position, to: &padded)
      } else {
        Self.add(position, to: &lost)
      }
      position += 1
    }
  }

  private static func add(_ offset: Offset, to stretches: inout [Range<Offset>]) {
    if let last = stretches.last, last.upperBound == offset {
      stretches[stretches.count - 1] = last.lowerBound..<(offset + 1)
    } else {
      stretches.append(offset..<(offset + 1))
    }
  }

  /// Where the claim at an offset ends, if all of it is there: of a batch, every message.
  private mutating func wholeClaim(at start: Offset) -> Offset? {
    guard let first = wholeMessage(at: start), !first.isInside else { return nil }
    var (end, last, count) = (first.end, first, 1)
    // Ends: each turn goes on by a slot at least.
    while last.continues {
      guard let next = wholeMessage(at: end), next.isInside else { return nil }
      (end, last, count) = (next.end, next, count + 1)
    }
    messages += count
    return end
  }

  /// Whether a message stands at an offset that is what its publisher wrote.
  private func wholeMessage(
    at offset: Offset
  ) -> (end: Offset, isInside: Bool, continues: Bool)? {
    guard offset < window.upperBound else { return nil }
    let header = ring.header(offset)
    let word = ControlWord(header.control.loadRelaxed())
    let span = word.span
    guard word.isCommitted(in: ring.lap(offset)), span > 0, span <= ring.capacity / 4,
      offset + span <= window.upperBound, header.magic == SHMBUS_MESSAGE_MAGIC
    else { return nil }
    let key = header.keyWord
    let count = Int(header.length) + Int(key.length)
    guard key.flags & SlotHeader.Flag.checksum != 0, count <= ring.room(inSpan: span),
      unsafe header.checksum
        == shmbus_crc32c(SlotHeader.checksumStart(offset), ring.cell(offset), count)
    else { return nil }
    // Inside a message every word is of an older lap: else the span is not what it was.
    for inner in offset + 1..<offset + span {
      guard ControlWord(ring.header(inner).control.loadRelaxed()).lap != ring.lap(inner) else {
        return nil
      }
    }
    return (
      offset + span, key.flags & SlotHeader.Flag.insideBatch != 0,
      key.flags & SlotHeader.Flag.continues != 0
    )
  }

  /// Makes a stretch padding, which says so where it stands for what was lost. Slot by slot: a head may stand
  /// anywhere in it, and no slot must look like a claim any more.
  private func bury(_ stretch: Range<Offset>, isLost: Bool) {
    for offset in stretch {
      ring.header(offset).fillPadding(at: offset, lostUpTo: isLost ? stretch.upperBound : nil)
      ring.abort(offset, span: 1, publisher: 0)
    }
  }

  private func clearCells() {
    for publisher in 0..<ring.publishers {
      let cell = ring.publisherCell(publisher)
      cell.announced.storeRelaxed(0)
      cell.floor.storeRelaxed(Packed.none)
    }
  }

  private func clearIndex() {
    for number in 0...ring.indexMask {
      ring.indexEntry(number * (ring.spacingMask + 1)).start.storeRelaxed(0)
    }
  }
}

extension Ring {
  /// Where a stretch ends that was lost in a reboot, if the padding at `offset` belongs to one. The marks
  /// carry the offset, because later padding in the same slot leaves the rest of the header as it was.
  func lostEnd(at offset: Offset) -> Offset? {
    let header = header(offset)
    guard header.keyWord.flags & SlotHeader.Flag.lost != 0, header.sequence == offset else {
      return nil
    }
    let end = header.producer
    return end > offset && end - offset <= capacity ? end : nil
  }
}

import CShmBus

/// What one subscriber keeps, in its private memory, about one partition. Only its thread touches it.
@frozen @safe @usableFromInline
struct Track {
  @usableFromInline let ring: Ring
  @usableFromInline let partition: Int
  let map: ControlMap
  /// The head that holds publishers back for this reader.
  @usableFromInline let head: SharedWord
  /// The reader's registry row's: when it last said something of itself.
  let heartbeat: SharedWord
  @usableFromInline let term: UInt64
  /// The partition's row: a publisher may be asleep on the gate.
  @usableFromInline let blocked: SharedWord
  /// The partition's row: some slots may be out of use.
  @usableFromInline let quarantine: SharedWord
  /// Read after a control word: a verdict that was final before a late commit is then seen.
  @inlinable @inline(__always)
  var mayBeVoid: Bool { quarantine.loadAcquire() & 1 != 0 }
  /// False for an observer: it moves no head and is given copies.
  @usableFromInline let holds: Bool
  /// From here on the gate protects every byte, so that messages are read in place; below, and for
  /// observers and on an overwrite bus everywhere (all bits set), they are copied and checked.
  @usableFromInline var heldFrom: Offset = .max
  /// Nothing below it is given out: where the reader asked to begin.
  var startsAt: Offset = 0
  /// Where it asked to begin, while it was not told yet that this offset is gone; else all bits set.
  var missedFrom: Offset = .max
  /// From here on the plain path may take messages: nothing has to be copied, passed over or verified.
  @usableFromInline private(set) var plainFrom: Offset = .max
  /// The next offset to look at.
  @usableFromInline var position: Offset = 0
  /// Where the head stands. It follows `position` in steps of `stride`, and at once when there is nothing more
  /// to read or a publisher waits: each store costs publishers that look at the gate a line transfer.
  @usableFromInline var returned: Offset = 0
  @usableFromInline let stride: UInt64

  init(
    ring: Ring, partition: Int, map: ControlMap, head: SharedWord,
    heartbeat: SharedWord, term: UInt64, holds: Bool
  ) {
    self.ring = ring
    self.partition = partition
    self.map = map
    blocked = map.partition(partition).blocked
    quarantine = map.partition(partition).quarantineStamp
    self.head = head
    self.heartbeat = heartbeat
    self.term = term
    self.holds = holds
    stride = holds ? min(32, ring.capacity / 16) : .max
  }

  /// Settles from where on the plain path may go. `verifies`: every message's checksum is computed.
  mutating func settlePlainFrom(verifies: Bool) {
    plainFrom = verifies || missedFrom != .max ? .max : max(heldFrom, startsAt)
  }

  /// Tells the gate that everything before `position` is done: publishers may overwrite it.
  @usableFromInline
  mutating func moveHead(to position: Offset) {
    // H1. Release: what was read from the slots is done with. Partner: G2.
    head.storeRelease(Packed.head(position, term: term))
    returned = position
  }
}

extension Track {
  /// Joins the partition's gate (`models/join.pml`): from now on nothing at or above `heldFrom` is overwritten
  /// before this reader has moved its head past it.
  ///
  /// The head goes to 0 first, so that no gate computed from now on passes anything; a publisher that
  /// computed one before is bounded by the cursor it read before, which the fence puts at or below ours.
  mutating func join(inPlace: Bool) {
    head.storeRelaxed(Packed.head(0, term: term))  // J1
    fullFence()  // J2, partner: G1 before G0 and G2
    let cursor = ring.end  // J3
    heldFrom = inPlace ? cursor : .max
  }

  /// Leaves the gate: holds nothing any more. H1.
  func leave() { head.storeRelease(Packed.head(Packed.noOffset, term: term)) }
}

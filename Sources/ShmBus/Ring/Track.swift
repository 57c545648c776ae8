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
  /// The partition's row: nothing below it is given out any more.
  let start: SharedWord
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
  /// A member's: the head's word that says that a restore took away what it missed; cleared when told.
  var lost: SharedWord?
  /// From here on the plain path may take messages: nothing has to be copied, passed over or verified.
  @usableFromInline var plainFrom: Offset = .max
  /// The next offset to look at.
  @usableFromInline var position: Offset = 0
  /// Where the head stands. It follows `position` in steps of `stride`, and at once when there is nothing more
  /// to read or a publisher waits: each store costs publishers that look at the gate a line transfer.
  @usableFromInline var returned: Offset = 0
  @usableFromInline let stride: UInt64
  /// It is a member's: only commits move the head.
  @usableFromInline let isMember: Bool
  /// A member's: the head as it was left. A commit is one CAS from it.
  @usableFromInline private(set) var left: UInt64 = 0
  /// Whose stake in which group a member's is; nil for everybody else.
  let stake: Stake?
  /// A member's: messages below it are done, and their commit may wait until the head is moved
  /// next.
  @usableFromInline var later: Offset = 0
  /// A member's: the head's last place that was told to people.
  var noted: Offset?
  /// How far commits for later run ahead of the head.
  @usableFromInline let laterStride: UInt64
  /// A member's: a commit was refused. It is asked whose the partition is before anything else is
  /// read.
  var isFenced = false

  init(
    ring: Ring, partition: Int, map: ControlMap, head: SharedWord,
    heartbeat: SharedWord, term: UInt64, holds: Bool, stake: Stake? = nil,
    blocked: ControlMap.PartitionRow? = nil
  ) {
    self.stake = stake
    isMember = stake != nil
    left = stake?.head ?? 0
    self.ring = ring
    self.partition = partition
    self.map = map
    let row = blocked ?? map.partition(partition)
    self.blocked = row.blocked
    start = row.start
    quarantine = row.quarantineStamp
    self.head = head
    self.heartbeat = heartbeat
    self.term = term
    self.holds = holds
    laterStride = min(32, ring.capacity / 16)
    stride = holds ? laterStride : .max
  }

  /// One partition of a group, as one member holds it under one term.
  @safe @usableFromInline
  struct Stake {
    /// The group's row of the table of groups, and which use of it.
    let group: Int
    let use: UInt64
    /// The member, as the owner word names it.
    let member: UInt64
    /// The head as it was claimed.
    let head: UInt64
  }

  /// Settles from where on the plain path may go. `verifies`: every message's checksum is computed.
  mutating func settlePlainFrom(verifies: Bool) {
    plainFrom = verifies || missedFrom != .max ? .max : max(heldFrom, startsAt)
  }

  /// Sends the next look the long way if messages ahead were trimmed. Asked with each stride, not with each
  /// message: until then what was trimmed is still whole, because trimming frees no slot.
  mutating func noticeTrim() {
    if start.loadAcquire() > position { plainFrom = .max }  // Z2, partner: Z1
  }

  /// Below `offset` nothing is protected: messages there are copied and checked.
  mutating func protect(from offset: Offset, verifies: Bool) {
    heldFrom = max(heldFrom, offset)
    settlePlainFrom(verifies: verifies)
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
  /// A member's commit: the head moves behind what is done, never back. False if somebody has
  /// raised its term since it was claimed: the partition was lost, or the group reset.
  mutating func commit(upTo end: Offset) -> Bool {
    guard end > Packed.offset(left) else { return !isFenced }
    let done = Packed.head(end, term: term)
    // H2. Release: what was read from the slots is done with. Partner: G2, H3.
    guard head.compareExchange(left, done).exchanged else {
      isFenced = true
      plainFrom = .max
      return false
    }
    left = done
    return true
  }

  /// Where a group's head stands, as this member knows it.
  var committed: Offset? { isMember ? Packed.offset(left) : nil }

  /// Whether what was handed out may have been overwritten meanwhile, because the partition went to
  /// another member or the group was reset.
  var isVoid: Bool { isMember && Packed.term(head.loadAcquire()) != term }

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

/// Who may read and commit in one partition of a group (`models/ownership.pml`).
///
/// ```
///   owner incarnation:48 | registry row + 1:16 won by CAS, from nobody or from who has no say any
///   more
///   head offset:52 | term:12 then its term is raised by CAS: former owners cannot commit
/// ```
///
/// The owner word says whose the partition is to be, the term who can commit. A holder looks at
/// both at each poll, because a taker may come late.
@safe
struct Ownership {
  let group: Group
  let partition: Int

  init(_ group: Group, _ partition: Int) {
    self.group = group
    self.partition = partition
  }

  var words: ControlMap.HeadRow { group.map.head(group.row, partition: partition) }

  /// Makes `me` the owner; returns the head under its own term. Nil while the partition is
  /// somebody's.
  func claim(_ me: UInt64) -> UInt64? {
    let owner = words.owner.loadAcquire()  // B3
    if owner != me {
      guard owner == 0 || isOver(owner), words.owner.compareExchange(owner, me).exchanged
      else { return nil }  // B4
    }
    return GroupHead(words.head).raise { $0 }
  }

  /// Whether a claim by `me` could succeed now.
  func isFree(for me: UInt64) -> Bool {
    let owner = words.owner.loadAcquire()
    return owner == 0 || owner == me || isOver(owner)
  }

  /// Whether `me` may still commit under `term`.
  func isHeld(by me: UInt64, term: UInt64) -> Bool {
    words.owner.loadAcquire() == me && Packed.term(words.head.loadAcquire()) == term
  }

  /// Gives the partition up where the owner word names `me`, held or only begun to be claimed.
  func release(_ me: UInt64) -> Bool {
    words.owner.loadAcquire() == me && words.owner.compareExchange(me, 0).exchanged  // B5
  }

  /// Whether an owner has no say any more: that use of its row is over, or it is no active member.
  private func isOver(_ owner: UInt64) -> Bool {
    let (row, incarnation) = Packed.endpoint(ofOwner: owner)
    guard group.subscriberRows.contains(row) else { return true }
    let current = group.map.endpoint(row).incarnation.loadAcquire()
    guard (current << 16) >> 16 == incarnation else { return true }
    return !group.isActive(row: row, incarnation: current)
  }
}

/// A group's head. Whoever but its owner changes it raises the term, so that no two of them ever
/// have the same.
struct GroupHead {
  let word: SharedWord

  init(_ word: SharedWord) { self.word = word }

  /// Stores an offset, found from the present one, under the next term; returns the new word.
  @discardableResult
  func raise(_ offset: (Offset) -> Offset) -> UInt64 {
    // Ends: each failed exchange means that somebody else's commit or change went through.
    while true {
      let seen = word.loadAcquire()
      let new = Packed.head(offset(Packed.offset(seen)), term: (Packed.term(seen) &+ 1) & 4095)
      if word.compareExchange(seen, new).exchanged { return new }  // H3
    }
  }
}

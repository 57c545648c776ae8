/// What the owner of a registry row is in which group, in one word of that row:
/// `models/ownership.pml`.
///
/// ```
///   63 ........... 40 39 ........... 16 15 ...... 4 3 ... 0
///   row's use:24      group's use:24    group row+1  state
/// ```
///
/// It names both uses, so that a change that comes late never hits the next ones.
struct MembershipWord: Equatable {
  let raw: UInt64

  /// What a member can be.
  enum State: UInt64 {
    /// Not in a group.
    case none = 0
    /// Partitions are shared out among these.
    case active = 1
    /// It did not poll for too long; it may come back.
    case expired = 2
    /// It died, and recovery has seen it; or it is leaving.
    case gone = 3
  }

  init(raw: UInt64) { self.raw = raw }

  init(_ state: State, group row: Int, use: UInt64, endpoint incarnation: UInt64) {
    raw =
      (incarnation >> 1) << 40 | (use >> 1 & 0xff_ffff) << 16 | UInt64(row + 1) << 4
      | state.rawValue
  }

  var state: State? { State(rawValue: raw & 15) }
  /// The group's row; -1 for none.
  var groupRow: Int { Int(raw >> 4 & 0xfff) - 1 }

  /// The same member in another state.
  func with(_ state: State) -> MembershipWord {
    MembershipWord(raw: raw & ~15 | state.rawValue)
  }
}

/// One use of a group's row: a durable, named group.
@safe
struct Group {
  let map: ControlMap
  let row: Int
  /// Odd: this use of the row.
  let incarnation: UInt64

  var words: ControlMap.GroupRow { map.group(row) }

  /// Whether the group still exists.
  var exists: Bool { words.incarnation.loadAcquire() == incarnation }

  /// A change of membership: first the member's word, then this, then anybody computes (B1).
  func bump() {
    words.generation.add(1)
    wakeMembers()
  }

  /// The word of an active member.
  func activeWord(_ incarnation: UInt64) -> MembershipWord {
    MembershipWord(.active, group: row, use: self.incarnation, endpoint: incarnation)
  }

  /// Whether a use of a registry row is an active member.
  func isActive(row: Int, incarnation: UInt64) -> Bool {
    let endpoint = map.endpoint(row)
    return endpoint.membership.loadAcquire() == activeWord(incarnation).raw  // B2
      && endpoint.incarnation.loadAcquire() == incarnation
  }

  /// Registry rows that subscribers may sit in.
  var subscriberRows: Range<Int> { map.usedSubscriberRows }

  /// Who is an active member now, by row.
  var members: [GroupMember] {
    subscriberRows.compactMap { row in
      let incarnation = map.endpoint(row).incarnation.loadAcquire()
      guard incarnation & 1 == 1, isActive(row: row, incarnation: incarnation) else { return nil }
      return GroupMember(
        row: UInt16(row), incarnation: incarnation, name: map.endpoint(row).label.text,
        node: map.endpoint(row).home)
    }
  }

  /// The active members and the generation they belong to: rows between two equal generations. The
  /// next poll looks again wherever it has moved.
  func snapshot() -> (members: [GroupMember], generation: UInt64) {
    var generation = words.generation.loadAcquire()
    // Bounded: a group that changes all the time is looked at again by the next poll.
    for _ in 0..<8 {
      let found = members
      let again = words.generation.loadAcquire()
      if again == generation { return (found, generation) }
      generation = again
    }
    return (members, generation)
  }

  /// Takes the partitions from a member that does not poll: its word, then the generation. That
  /// moves also where the word is not active any more: a member that stopped in the middle of
  /// leaving has not moved it (`-DONLYACTIVE`).
  func expire(row: Int, incarnation: UInt64) {
    let active = activeWord(incarnation)
    _ = map.endpoint(row).membership.compareExchange(active.raw, active.with(.expired).raw)
    bump()
  }

  /// Wakes every member that sleeps: the group has changed, or a partition is free.
  func wakeMembers() {
    for row in subscriberRows {
      let endpoint = map.endpoint(row)
      guard MembershipWord(raw: endpoint.membership.loadAcquire()).groupRow == self.row,
        endpoint.asleep.loadAcquire() != 0, endpoint.asleep.exchange(0) != 0
      else { continue }
      unsafe Semaphore(endpoint.semaphore).post()
    }
  }

  /// Says of a dead use of a row that it is no member any more. Before the row is freed: whoever
  /// finds the row free must also find the generation moved. May be repeated.
  static func bury(_ row: Int, _ incarnation: UInt64, in map: ControlMap) {
    let endpoint = map.endpoint(row)
    let word = MembershipWord(raw: endpoint.membership.loadAcquire())
    let isSameUse = word.raw >> 40 == incarnation >> 1 & 0xff_ffff
    guard isSameUse, word.state != MembershipWord.State.none,
      (0..<map.layout.maxGroups).contains(word.groupRow)
    else { return }
    _ = endpoint.membership.compareExchange(word.raw, word.with(.gone).raw)
    let words = map.group(word.groupRow)
    Group(map: map, row: word.groupRow, incarnation: words.incarnation.loadAcquire()).bump()
  }
}

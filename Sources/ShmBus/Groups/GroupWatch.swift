/// How one member finds out that another has died, or hangs: nobody tells it.
///
/// The dead are found by probing a lock. All members probing all would be a burden for each other,
/// so each probes the next one in the order of rows, on past those it finds dead; and all of them,
/// less often. Who hangs is found by its signs of life, which must move within the group's poll
/// interval, by the watcher's own clock.
@safe
struct GroupWatch {
  private let group: Group
  private let me: GroupMember
  private let recovery: Recovery
  private let patience: UInt64
  /// The other members: those after us in the order of rows first.
  private var others: [Other] = []
  private var lastLook: UInt64 = 0
  private var lastProbe: UInt64 = 0
  private var lastRound: UInt64 = 0

  private struct Other {
    let member: GroupMember
    var sign: UInt64
    var since: UInt64
  }

  init(_ group: Group, _ me: GroupMember, _ recovery: Recovery) {
    self.group = group
    self.me = me
    self.recovery = recovery
    patience = unsafe group.words.fields.pointee.max_poll_interval
  }

  /// Whether there are others.
  var hasCompany: Bool { !others.isEmpty }

  /// At most once a millisecond.
  mutating func isDue(_ now: UInt64) -> Bool {
    guard now &- lastLook >= 1_000_000 else { return false }
    lastLook = now
    return true
  }

  /// The membership has changed. Who was watched before has been silent for as long as before.
  mutating func follow(_ members: [GroupMember]) {
    let known = Dictionary(others.map { ($0.member, $0) }, uniquingKeysWith: { first, _ in first })
    let now = Clock.monotonic()
    let rest = members.filter { $0.row != me.row }.map { member in
      known[member] ?? Other(member: member, sign: sign(of: member), since: now)
    }
    others =
      rest.filter { $0.member.row > me.row }.sorted { $0.member.row < $1.member.row }
      + rest.filter { $0.member.row < me.row }.sorted { $0.member.row < $1.member.row }
  }

  /// Looks after the others: frees the dead, expires the silent. Each moves the group's generation.
  mutating func look(_ now: UInt64) {
    guard !others.isEmpty, now &- lastProbe >= 4_000_000 else { return }
    lastProbe = now
    let isRound = now &- lastRound >= min(50_000_000, patience / 8)
    if isRound { lastRound = now }
    for place in others.indices {
      let isGone = recovery.free(Int(others[place].member.row))
      if isGone { continue }
      guard isRound else { return }
      expireIfSilent(place, now)
    }
  }

  private mutating func expireIfSilent(_ place: Int, _ now: UInt64) {
    let member = others[place].member
    let sign = sign(of: member)
    if sign != others[place].sign {
      others[place].sign = sign
      others[place].since = now
    } else if now &- others[place].since >= patience {
      group.expire(row: Int(member.row), incarnation: member.incarnation)
    }
  }

  /// Moves with every message asked for, and with every wait.
  private func sign(of member: GroupMember) -> UInt64 {
    let endpoint = group.map.endpoint(Int(member.row))
    return endpoint.heartbeat.loadRelaxed() &+ endpoint.delivered.loadRelaxed()
  }
}

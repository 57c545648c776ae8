/// Expires members that do not poll, of all groups: the housekeeper's part. A group whose members watch each
/// other does not need it; one of whose only member hangs, nobody else looks after.
struct GroupPatrol {
  private struct Watched {
    var sign: UInt64
    var since: UInt64
  }

  private struct Key: Hashable {
    let group: Int
    let use: UInt64
    let member: GroupMember
  }

  private var watched: [Key: Watched] = [:]

  /// Looks at everybody once. Silence counts by the looker's own clock.
  mutating func look(_ map: ControlMap, _ now: UInt64) {
    var seen: [Key: Watched] = [:]
    for group in GroupTable(map: map).groups {
      let patience = unsafe group.words.fields.pointee.max_poll_interval
      for member in group.members {
        let key = Key(group: group.row, use: group.incarnation, member: member)
        let endpoint = map.endpoint(Int(member.row))
        let sign = endpoint.heartbeat.loadRelaxed() &+ endpoint.delivered.loadRelaxed()
        let last = watched[key]
        let since = last?.sign == sign ? last?.since ?? now : now
        seen[key] = Watched(sign: sign, since: since)
        if now &- since >= patience {
          group.expire(row: Int(member.row), incarnation: member.incarnation)
        }
      }
    }
    watched = seen
  }
}

/// Where a new subscriber or group begins in each partition, or where one is moved to.
public enum StartPosition: Sendable, Equatable {
  /// With the oldest message that is still there.
  case earliest
  /// With the next message published after it joined.
  case latest
  /// With the first message at or after an offset; if that offset is gone, a gap is reported first.
  case offset(Offset)
  /// With the first message at or after a time, in nanoseconds since 1970. Where several publish at
  /// once, their times may lie in another order than their messages, by as much as they needed to
  /// publish.
  case time(UInt64)
  /// So many slots on from where it stands, or back. A new subscriber or group stands at the oldest
  /// message for steps on, and behind the newest for steps back.
  case relative(Int64)

  /// The place in a partition. `latest`: where the next message will go, as the asker may rely on
  /// it. `head`: where it stands, if it stands anywhere.
  func place(in ring: Ring, latest: Offset, head: Offset?) -> Offset {
    switch self {
    case .earliest: return earliest(in: ring)
    case .latest: return latest
    case .offset(let offset): return ring.messageStart(atOrAfter: min(offset, ring.end))
    case .time(let time): return ring.messageStart(notBefore: time)
    case .relative(let steps):
      let base = head ?? (steps < 0 ? latest : ring.oldestIntact)
      let distance = steps.magnitude
      let target =
        steps < 0
        ? (base > distance ? base - distance : 0)
        : base.addingReportingOverflow(distance).partialValue
      return ring.messageStart(atOrAfter: min(max(target, ring.oldestIntact), ring.end))
    }
  }

  private func earliest(in ring: Ring) -> Offset {
    var position: Offset
    // Ends: for who holds publishers they stop at its head; else each round means that the ring was
    // lapped.
    repeat {
      position = ring.messageStart(atOrAfter: ring.oldestIntact)
    } while !ring.isIntact(position)
    return position
  }
}

extension Track {
  /// Goes to where reading begins.
  mutating func begin(_ start: StartPosition, latest: Offset, head: Offset?, verifies: Bool) {
    startsAt = 0
    missedFrom = .max
    if case .offset(let offset) = start {
      let found = ring.seek(min(offset, ring.end))
      position = found.position
      startsAt = offset
      if found.isBlind, position > offset { missedFrom = offset }
    } else {
      position = start.place(in: ring, latest: latest, head: head)
    }
    settlePlainFrom(verifies: verifies)
  }
}

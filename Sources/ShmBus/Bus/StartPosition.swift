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

  /// The place in a partition. `start`: nothing below it may be read. `latest`: where the next message
  /// will go, as the asker may rely on it. `head`: where it stands, if it stands anywhere.
  func place(in ring: Ring, start: Offset, latest: Offset, head: Offset?) -> Offset {
    switch self {
    case .earliest: return earliest(in: ring, start)
    case .latest: return latest
    case .offset(let offset):
      return ring.messageStart(atOrAfter: min(max(offset, start), ring.end))
    case .time(let time):
      let place = ring.messageStart(notBefore: time)
      return place < start ? ring.messageStart(atOrAfter: min(start, ring.end)) : place
    case .relative(let steps):
      let oldest = ring.oldestReadable(start)
      let base = head ?? (steps < 0 ? latest : oldest)
      let distance = steps.magnitude
      let target =
        steps < 0
        ? (base > distance ? base - distance : 0)
        : base.addingReportingOverflow(distance).partialValue
      return ring.messageStart(atOrAfter: min(max(target, oldest), ring.end))
    }
  }

  private func earliest(in ring: Ring, _ start: Offset) -> Offset {
    var position = ring.messageStart(atOrAfter: ring.oldestReadable(start))
    // For who holds publishers they stop at its head; else each round means that the ring was lapped.
    // Bounded: a place that is gone is met by every reader, and told as a gap.
    for _ in 0..<1024 where !ring.isIntact(position) {
      position = ring.messageStart(atOrAfter: ring.oldestReadable(start))
    }
    return position
  }
}

extension Track {
  /// Goes to where reading begins.
  mutating func begin(_ place: StartPosition, latest: Offset, head: Offset?, verifies: Bool) {
    // Seen once: a trim that comes later is a gap.
    let start = start.loadAcquire()  // Z2, partner: Z1
    startsAt = min(start, ring.end)
    missedFrom = .max
    if case .offset(let offset) = place {
      let found = ring.seek(min(max(offset, startsAt), ring.end))
      position = found.position
      if offset < startsAt || found.isBlind && position > offset { missedFrom = offset }
      startsAt = max(offset, startsAt)
    } else {
      position = place.place(in: ring, start: startsAt, latest: latest, head: head)
    }
    settlePlainFrom(verifies: verifies)
  }
}

import CShmBus

/// Up to where a partition is trimmed.
public enum TrimPoint: Sendable, Equatable {
  /// Everything below an offset.
  case offset(Offset)
  /// Everything before the first message at or after a time, in nanoseconds since 1970.
  case time(UInt64)
}

/// What a trim did in one partition.
public struct TrimMove: Sendable, Equatable {
  /// The partition.
  public let partition: Int
  /// The oldest offset that could be read before.
  public let from: Offset
  /// The oldest offset that can be read now.
  public let to: Offset
  /// Groups whose heads stand below it. They hold publishers as before, until a member reads on or the
  /// group is reset.
  public let groupsBehind: [String]
}

extension Bus {
  /// Moves the start of partitions: what lies below is not given out any more, to anybody.
  ///
  /// Readers behind the new start get a gap that ends there, with the next message they ask for; an
  /// ephemeral subscriber in the middle of a run, within 32 slots. A message that is already handed out
  /// stays whole. Heads stay where they are until their readers go on, so no memory changes hands: this is
  /// about what may be read, not about room.
  ///
  /// - Parameters:
  ///   - point: up to where. An offset inside a message is rounded up to the next one; what is not
  ///     published yet is not trimmed. A start never moves back.
  ///   - partitions: which; nil means all.
  /// - Returns: each partition's move; `from` and `to` are equal where nothing moved.
  /// - Throws: ``BusError`` `.usage` for a partition that does not exist; what opening a segment throws.
  @discardableResult
  public func trim(
    before point: TrimPoint, partitions: [Int]? = nil
  ) throws(BusError) -> [TrimMove] {
    try checkWhole()
    guard !isRemoved else { throw .removed(name) }
    var moves: [TrimMove] = []
    for partition in try checked(partitions) ?? Array(0..<self.partitions) {
      let segment = try segment(partition, writable: false)
      defer { withExtendedLifetime(segment) {} }
      moves.append(trim(partition, segment.ring, before: point))
      if segment.mapping.fate != .whole { throw .truncated(segmentName(partition)) }
    }
    // After every start: members look again when they see it.
    if moves.contains(where: { $0.to > $0.from }) {
      for group in groupTable.groups { group.bump() }
    }
    return moves
  }

  private func trim(_ partition: Int, _ ring: Ring, before point: TrimPoint) -> TrimMove {
    let row = map.partition(partition)
    let before = ring.oldestReadable(row.start.loadAcquire())
    let place: Offset
    switch point {
    case .offset(let offset): place = ring.decidedStart(atOrAfter: offset)
    case .time(let time): place = ring.messageStart(notBefore: time)
    }
    // Z1. Only grows. Release: whoever sees a generation move after it sees it, too. Partner: Z2.
    _ = row.start.raise(to: place)
    let after = ring.oldestReadable(row.start.loadAcquire())
    let behind = groupTable.groups.filter { group in
      Packed.offset(map.head(group.row, partition: partition).head.loadAcquire()) < after
    }
    return TrimMove(
      partition: partition, from: min(before, after), to: after,
      groupsBehind: behind.map { $0.words.name.text })
  }
}

/// A durable group as it is at one moment. Taking it disturbs nobody.
public struct GroupStatus: Sendable {
  /// The group in one partition.
  public struct Partition: Sendable {
    /// Which one.
    public let partition: Int
    /// Everything below it is done.
    public let head: Offset
    /// The next offset to be handed out.
    public let cursor: Offset
    /// The oldest offset that can be read: it was neither overwritten nor trimmed.
    public let oldest: Offset
    /// Slots that are not done yet.
    public let lag: UInt64
    /// Slots that are done and still there.
    public let lead: UInt64
    /// How old the oldest message is that is not done; nil when there is none.
    public let lagTime: Duration?
    /// How much older than it the oldest message is that is still there; nil when none is.
    public let leadTime: Duration?
    /// Whose it is; nil when it is nobody's.
    public let owner: Owner?
    /// When the head last moved, in nanoseconds since 1970, to within some milliseconds; 0 if
    /// never.
    public let moved: UInt64
  }

  /// Who owns a partition.
  public struct Owner: Sendable, Equatable {
    /// Its row of the registry.
    public let row: Int
    /// Its process, in its own PID namespace.
    public let pid: Int
  }

  /// One member.
  public struct Member: Sendable {
    /// Its row of the registry.
    public let row: Int
    /// Its process, in its own PID namespace.
    public let pid: Int
    /// Its process's name.
    public let command: String
    /// The name it joined with, if any.
    public let name: String?
    /// How it is. One that is alive and expired is stalled.
    public let state: BusStatus.Endpoint.Liveness
    /// The partitions it owns, ascending.
    public let partitions: [Int]
  }

  /// Its name.
  public let name: String
  /// Its row of the table of groups.
  public let row: Int
  /// The broadcast member whose heads these are; nil in every other group.
  public let member: String?
  /// "ordered": each partition has one owner.
  public let mode: String
  /// How partitions are shared out: ``Assignor/name``.
  public let assignor: String
  /// Whether publishers wait for it on a `block` bus.
  public let holdsPublishers: Bool
  /// A member that does not ask for a message for so long loses its partitions.
  public let maxPollInterval: Duration
  /// Moves with each change of membership.
  public let generation: UInt64
  /// When it was created, in nanoseconds since 1970.
  public let created: UInt64
  /// Its members, by row.
  public let members: [Member]
  /// Its partitions. None for a broadcast group as a whole: its members have heads of their own.
  public let partitions: [Partition]

  /// Slots that are not done yet, in all partitions.
  public var lag: UInt64 { partitions.reduce(0) { $0 + $1.lag } }
}

extension Bus {
  /// All groups, by row; of a broadcast group also each member's heads.
  ///
  /// - Throws: ``BusError`` when a partition's segment cannot be read.
  public func groups() throws(BusError) -> [GroupStatus] {
    let segments = try readable()
    defer { withExtendedLifetime(segments) {} }
    return groupTable.groups.map { status(of: $0, segments.map(\.ring)) }
  }

  /// One group.
  ///
  /// - Throws: ``BusError`` `.notFound`, and as ``groups()``.
  public func group(_ name: String, member: String? = nil) throws(BusError) -> GroupStatus {
    let group = try found(name, member)
    let segments = try readable()
    defer { withExtendedLifetime(segments) {} }
    return status(of: group, segments.map(\.ring))
  }

  /// Every partition's segment, mapped read-only.
  func readable() throws(BusError) -> [PartitionSegment] {
    var segments: [PartitionSegment] = []
    for partition in 0..<partitions {
      segments.append(try segment(partition, writable: false))
    }
    return segments
  }

  private func status(of group: Group, _ rings: [Ring]) -> GroupStatus {
    let fields = groupTable.fields(of: group)
    let hasHeads = fields.assignor != GroupTable.broadcast || !fields.member.isEmpty
    return GroupStatus(
      name: fields.name, row: group.row, member: fields.member.isEmpty ? nil : fields.member,
      mode: "ordered", assignor: Assignor.name(ofCode: fields.assignor) ?? "unknown",
      holdsPublishers: fields.holdsPublishers,
      maxPollInterval: .nanoseconds(Int64(clamping: fields.maxPollInterval)),
      generation: group.words.generation.loadAcquire(),
      created: unsafe group.words.fields.pointee.created, members: members(of: group),
      partitions: hasHeads
        ? rings.indices.map { partition($0, rings[$0], of: group) } : [])
  }

  private func partition(
    _ partition: Int, _ ring: Ring, of group: Group
  ) -> GroupStatus.Partition {
    let words = map.head(group.row, partition: partition)
    // The head first: it never passes the cursor, which is read after it.
    let head = Packed.offset(words.head.loadAcquire())
    let oldest = ring.oldestReadable(map.partition(partition).start.loadAcquire())  // Z2
    let cursor = ring.end
    let now = Clock.realtime()
    // What was trimmed is not going to be done.
    let place = max(head, oldest)
    let next = place < cursor ? ring.time(at: place) : nil
    let first = ring.time(at: oldest)
    let (row, incarnation) = Packed.endpoint(ofOwner: words.owner.loadAcquire())
    let isThere = group.subscriberRows.contains(row) && isUse(incarnation, ofRow: row)
    return GroupStatus.Partition(
      partition: partition, head: head, cursor: cursor, oldest: oldest,
      lag: cursor > place ? cursor - place : 0, lead: head > oldest ? head - oldest : 0,
      lagTime: next.map { Self.duration(from: $0, to: now) },
      leadTime: first.map { Self.duration(from: $0, to: next ?? now) },
      owner: isThere
        ? GroupStatus.Owner(row: row, pid: unsafe Int(map.endpoint(row).fields.pointee.pid)) : nil,
      moved: words.moved.loadRelaxed())
  }

  private func isUse(_ incarnation: UInt64, ofRow row: Int) -> Bool {
    let current = map.endpoint(row).incarnation.loadAcquire()
    return current & 1 == 1 && (current << 16) >> 16 == incarnation
  }

  private static func duration(from start: UInt64, to end: UInt64) -> Duration {
    .nanoseconds(Int64(clamping: end > start ? end - start : 0))
  }

  private func members(of group: Group) -> [GroupStatus.Member] {
    group.subscriberRows.compactMap { row in
      let word = MembershipWord(raw: map.endpoint(row).membership.loadAcquire())
      let incarnation = map.endpoint(row).incarnation.loadAcquire()
      let active = group.activeWord(incarnation)
      guard incarnation & 1 == 1, word.with(.active) == active,
        word.state != MembershipWord.State.none
      else { return nil }
      let seat = endpoint(row, isBusy: false)
      let owner = Packed.owner(row: row, incarnation: incarnation)
      let name = map.endpoint(row).label.text
      return GroupStatus.Member(
        row: row, pid: seat.pid, command: seat.command, name: name.isEmpty ? nil : name,
        state: seat.state == .alive && word.state == .expired ? .stalled : seat.state,
        partitions: (0..<partitions).filter {
          map.head(group.row, partition: $0).owner.loadAcquire() == owner
        })
    }
  }
}

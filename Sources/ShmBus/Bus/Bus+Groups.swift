extension Bus {
  /// Joins a group, and creates it if it is new. The group outlives its members: its heads stay,
  /// and hold publishers on a `block` bus unless it was declared not to.
  ///
  /// Each partition has one owner in the group at a time. It may read nothing before the first call
  /// that asks for a message, which also takes part in sharing out the partitions; so must every
  /// later one, within the group's `maxPollInterval`. Messages are done when they are committed,
  /// not when the next is asked for.
  ///
  /// - Parameters:
  ///   - options: the group's name, and how to take part.
  ///   - start: where a new group begins. One that exists goes on at its heads.
  ///   - wait: how ``Subscriber/next(timeout:)`` waits.
  ///   - pinning: a partition near whose memory the calling thread is to run from now on:
  ///     ``Subscriber/pinning`` says what came of it. The group prefers to give it partitions of
  ///     that node (``Assignor/sticky``).
  /// - Throws: ``BusError`` `.usage` for options that cannot be, or that are not the group's;
  ///   `.unavailable` when every row for groups or subscribers is in use.
  public func subscriber(
    _ options: GroupOptions, from start: StartPosition = .latest, wait: WaitStrategy = .balanced,
    pinning: Int? = nil
  ) throws(BusError) -> Subscriber {
    let (group, missed) = try openGroup(options, from: start)
    return Subscriber(
      try SubscriberCore(
        self, group, options, missed: missed, wait: wait, pinning: pin(near: pinning)))
  }

  /// Creates a group without joining it; false if it exists.
  ///
  /// - Throws: ``BusError``, as ``subscriber(_:from:wait:pinning:)-(GroupOptions,_,_,_)``.
  @discardableResult
  public func createGroup(
    _ options: GroupOptions, from start: StartPosition = .latest
  ) throws(BusError) -> Bool {
    let existed = groupTable.find(options.name) != nil
    _ = try openGroup(options, from: start)
    return !existed
  }

  var groupTable: GroupTable { GroupTable(map: map) }

  /// Takes the lock of the table of groups.
  func lockGroups() throws(BusError) -> GroupLock {
    do {
      if let lock = try GroupLock.take(control: control.descriptor.number) { return lock }
    } catch { throw BusError(.unavailable, "cannot lock the groups of bus '\(name)'", error) }
    throw BusError(
      .tryAgain,
      "somebody is changing the groups of bus '\(name)' and does not end; if it is stopped by a signal, "
        + "let it go on")
  }

  /// The group whose heads a member uses; a broadcast member's are its own. Creates what is
  /// missing.
  private func openGroup(
    _ options: GroupOptions, from start: StartPosition
  ) throws(BusError) -> (Group, missed: [Int: Offset]) {
    try options.validate()
    guard !isRemoved else { throw .removed(name) }
    var fields = options.fields
    let isBroadcast = fields.assignor == GroupTable.broadcast
    let parent = try findOrCreate(fields, start)
    guard isBroadcast, let member = options.member else { return parent }
    fields.member = member
    fields.parent = UInt32(parent.group.row + 1)
    return try findOrCreate(fields, start)
  }

  private func findOrCreate(
    _ fields: GroupFields, _ start: StartPosition
  ) throws(BusError) -> (group: Group, missed: [Int: Offset]) {
    if let group = try existing(fields) { return (group, [:]) }
    let lock = try lockGroups()
    if let group = try existing(fields) { return (group, [:]) }
    var segments: [PartitionSegment] = []
    for partition in 0..<partitions {
      segments.append(try segment(partition, writable: false))
    }
    defer { withExtendedLifetime(segments) {} }
    var missed: [Int: Offset] = [:]
    let rings = segments.map(\.ring)
    let isProtected = fields.holdsPublishers && configuration.whenFull == .block
    let group = groupTable.create(fields, lock, rings: rings) { partition, heldFrom in
      let ring = rings[partition]
      let latest = isProtected ? heldFrom : ring.end
      let oldest = map.partition(partition).start.loadAcquire()  // Z2
      let place = start.place(in: ring, start: oldest, latest: latest, head: nil)
      if case .offset(let asked) = start, place > asked, asked < ring.oldestReadable(oldest) {
        missed[partition] = asked
      }
      return place
    }
    guard let group else {
      throw BusError(
        .unavailable,
        "all \(map.layout.maxGroups) rows for groups of bus '\(name)' are in use; delete one with "
          + "'shmctl group delete', or create the bus with a larger --max-groups")
    }
    return (group, missed)
  }

  /// The group of this name; refused if its members share partitions out in another way.
  private func existing(_ fields: GroupFields) throws(BusError) -> Group? {
    guard let group = groupTable.find(fields.name, member: fields.member) else { return nil }
    let found = groupTable.fields(of: group).assignor
    guard found == fields.assignor else {
      let name = Assignor.name(ofCode: found) ?? "unknown"
      throw BusError(
        .usage,
        "group '\(fields.name)' shares partitions out by '\(name)', and all its members must; join with that,"
          + " or delete the group first")
    }
    return group
  }
}

// Changing groups from outside.

/// Where a reset moved, or would move, one head.
public struct GroupMove: Sendable, Equatable {
  /// The partition.
  public let partition: Int
  /// Where the head stood.
  public let from: Offset
  /// Where it goes.
  public let to: Offset
}

extension Bus {
  /// Moves a group's heads, in either direction. Members go on from there with the next message
  /// they ask for; their commits of what they read before fail. Publishers that the old heads held
  /// are released at once.
  ///
  /// - Parameters:
  ///   - name: the group's.
  ///   - member: whose heads, in a broadcast group.
  ///   - start: where to; `relative` counts from each head.
  ///   - partitions: in which; nil means all.
  ///   - dryRun: only tell.
  /// - Returns: each partition's move, if there is one.
  /// - Throws: ``BusError`` `.notFound`, `.usage`.
  @discardableResult
  public func resetGroup(
    _ name: String, member: String? = nil, to start: StartPosition, partitions: [Int]? = nil,
    dryRun: Bool = false
  ) throws(BusError) -> [GroupMove] {
    let lock = try lockGroups()
    let group = try found(name, member)
    var moves: [GroupMove] = []
    for partition in try checked(partitions) ?? Array(0..<self.partitions) {
      let segment = try segment(partition, writable: false)
      defer { withExtendedLifetime(segment) {} }
      let head = Packed.offset(map.head(group.row, partition: partition).head.loadAcquire())
      let place = start.place(
        in: segment.ring, start: map.partition(partition).start.loadAcquire(),  // Z2
        latest: segment.ring.end, head: head)
      moves.append(GroupMove(partition: partition, from: head, to: place))
      if !dryRun { groupTable.reset(group, partition, to: place, lock) }
    }
    if !dryRun { group.bump() }
    return moves
  }

  /// Deletes a group: its heads are gone, and publishers that they held are released at once.
  ///
  /// - Parameters:
  ///   - name: the group's; a broadcast group's members' heads go with it.
  ///   - force: although members live. They are told (`.groupDeleted`), and their commits fail.
  /// - Throws: ``BusError`` `.notFound`; `.unavailable` while members live, naming them.
  public func deleteGroup(_ name: String, force: Bool = false) throws(BusError) {
    let lock = try lockGroups()
    let all = groupTable.groups.filter { $0.words.name.text == name }
    guard !all.isEmpty else { throw noSuchGroup(name) }
    let members = all.flatMap(\.members).filter {
      (try? FileLock.isHeld(Int64($0.row), seenFrom: control.descriptor.number)) != false
    }
    guard members.isEmpty || force else {
      let pids = members.prefix(5).map {
        unsafe "\(map.endpoint(Int($0.row)).fields.pointee.pid)"
      }
      throw BusError(
        .unavailable,
        "group '\(name)' has \(members.count) members (pid \(pids.joined(separator: ", "))); end them "
          + "first, or use --force")
    }
    // A parent last: while its row is there, what is left can be found by its name.
    for group in all.sorted(by: { $0.words.member.text > $1.words.member.text }) {
      groupTable.delete(group, lock)
    }
  }

  func found(_ name: String, _ member: String?) throws(BusError) -> Group {
    guard let group = groupTable.find(name, member: member ?? "") else {
      throw noSuchGroup(member.map { "\(name)' with a member '\($0)" } ?? name)
    }
    let fields = groupTable.fields(of: group)
    guard fields.assignor != GroupTable.broadcast || !fields.member.isEmpty else {
      throw BusError(
        .usage, "in broadcast group '\(name)' each member has heads of its own: name a member")
    }
    return group
  }

  private func noSuchGroup(_ group: String) -> BusError {
    BusError(
      .notFound, "bus '\(name)' has no group '\(group)'; 'shmctl groups \(name)' shows those it has"
    )
  }
}

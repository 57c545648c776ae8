import CShmBus

/// What a bus looks like at one moment. Taking it disturbs nobody: it reads, and probes locks.
public struct BusStatus: Sendable {
  /// One partition.
  public struct Partition: Sendable {
    /// Its number.
    public let partition: Int
    /// The next offset to be handed out.
    public let cursor: Offset
    /// The oldest offset that can be read: it was neither overwritten nor trimmed.
    public let oldest: Offset
    /// Everything below it was trimmed; 0 if nothing was.
    public let start: Offset
    /// Everything published below it survives the host; nil where the bus is kept in memory.
    public let durable: Offset?
    /// Offsets that the last reboot took, or that were skipped because of it, lie in here; nil where none did.
    public let lost: Range<Offset>?
    /// Slots.
    public let capacity: UInt64
    /// The lowest offset that must not be overwritten yet.
    public let gate: Offset
    /// Who holds the gate there; nil when nobody does.
    public let holder: Holder?
    /// Where its memory was to lie, and was found when it was made.
    public let placement: Placement
  }

  /// Who holds a partition's gate.
  public enum Holder: Sendable, Equatable {
    /// A subscriber's row of the registry.
    case subscriber(row: Int)
    /// A group's row.
    case group(row: Int)
    /// A publisher's row of the registry: it has an open claim.
    case publisher(row: Int)
  }

  /// One publisher, subscriber or observer.
  public struct Endpoint: Sendable {
    /// What it does.
    public enum Role: String, Sendable {
      /// It publishes.
      case publisher
      /// It reads, and holds publishers back.
      case subscriber
      /// It reads, and disturbs nobody.
      case observer
    }

    /// How it is.
    public enum Liveness: String, Sendable {
      /// Its process lives.
      case alive
      /// Its process lives, but has not called the bus for longer than the claim timeout although others
      /// wait for it: it has an open claim, or something to read. Of an observer, whose place nobody knows:
      /// it has not called.
      case stalled
      /// The kernel says that its process is gone; what it left is resolved by whoever meets it.
      case dead
    }

    /// Its row of the registry.
    public let row: Int
    /// What it does.
    public let role: Role
    /// Its process, in its own PID namespace.
    public let pid: Int
    /// Its process's name.
    public let command: String
    /// How it is.
    public let state: Liveness
    /// When it attached, in nanoseconds since 1970.
    public let attached: UInt64
    /// When it last said something of itself, in nanoseconds since 1970: with each commit, while it waits
    /// for a message, or every 32 slots of reading.
    public let heartbeat: UInt64
    /// The group it is a member of; nil when it is in none.
    public let group: String?
    /// The NUMA node that its thread was kept on when it attached; nil for none.
    public let node: Int?
    /// A subscriber's head in each partition it reads; everything below is done.
    public let heads: [Int: Offset]
  }

  /// How the bus's state is kept.
  public struct State: Sendable {
    /// The folder it is kept in; nil if the bus has none.
    public let folder: String?
    /// When the last good checkpoint was written, in nanoseconds since 1970; 0 = never.
    public let checkpointTime: UInt64
    /// Its number.
    public let checkpointNumber: UInt64
    /// Why the last one could not be written, as a sentence; nil while all is well.
    public let failure: String?
    /// How often one is written, in nanoseconds.
    public let every: UInt64
    /// The process that keeps house, in its own PID namespace; nil while nobody does.
    public let keeper: Int?
    /// Partitions that hand out offsets which no checkpoint covers: after a loss of the host's memory now
    /// they could be handed out again.
    public let uncovered: [Int]
  }

  /// The bus's name.
  public let name: String
  /// The stamp of the bus, the same after a restore.
  public let identity: UInt64
  /// When it was restored from a checkpoint, or adopted from files, in nanoseconds since 1970; 0 = never.
  public let restored: UInt64
  /// How its state is kept.
  public let state: State
  /// The stamp of its creation.
  public let generation: UInt64
  /// When it was created, in nanoseconds since 1970.
  public let created: UInt64
  /// What it was created with.
  public let configuration: BusConfiguration
  /// Its partitions.
  public let partitions: [Partition]
  /// Who is attached, by row.
  public let endpoints: [Endpoint]
  /// How many endpoints have ever attached.
  public let admissions: UInt64
}

extension Bus {
  /// Looks at the bus as it is now.
  ///
  /// - Throws: ``BusError`` when a partition's segment cannot be read.
  public func status() throws(BusError) -> BusStatus {
    try checkWhole()
    var partitions: [BusStatus.Partition] = []
    var busy: Set<Int> = []
    let rows = usedRows
    for partition in 0..<self.partitions {
      // Mapped until the ring has been read.
      let segment = try segment(partition, writable: false)
      defer { withExtendedLifetime(segment) {} }
      let ring = segment.ring
      let gate = Gate(map: map, partition: partition, headsHold: configuration.whenFull == .block)
      let cursor = ring.cursor.loadAcquire()
      let (offset, holder, _) = gate.lowest(in: ring, cursor: cursor)
      busy.formUnion(
        rows.filter { isBusy($0, partition, gate, ring, cursor: cursor) })
      let end = Packed.cursorOffset(cursor)
      let start = map.partition(partition).start.loadAcquire()  // Z2
      let intact = ring.oldest(before: end)
      partitions.append(
        BusStatus.Partition(
          partition: partition, cursor: end, oldest: max(intact, min(start, end)), start: start,
          durable: durableOffset(partition: partition),
          lost: segment.stored(in: self, partition)?.lost,
          capacity: ring.capacity, gate: offset, holder: describe(holder),
          placement: map.partition(partition).placement(isBound: segment.boundNode != nil)))
      if segment.mapping.fate != .whole { throw .truncated(segmentName(partition)) }
    }
    try checkWhole()
    let header = unsafe map.header.pointee
    return BusStatus(
      name: name, identity: header.identity, restored: header.restored, state: state,
      generation: generation, created: header.created, configuration: configuration,
      partitions: partitions,
      endpoints: rows.map { endpoint($0, isBusy: busy.contains($0)) },
      admissions: map.admissions.loadAcquire())
  }

  /// How its state is kept.
  var state: BusStatus.State {
    let keeps = (try? FileLock.isHeld(SHMBUS_LOCK_KEEPER, seenFrom: control.descriptor.number))
    let code = Int32(truncatingIfNeeded: map.checkpointError.loadAcquire())
    let place = statePlace
    return BusStatus.State(
      folder: place?.path, checkpointTime: map.checkpointTime.loadAcquire(),
      checkpointNumber: map.checkpointNumber.loadAcquire(),
      failure: code == 0
        ? nil
        : place.map {
          House.sentence(
            name, $0, SystemError(call: "write", subject: $0.path, code: code)
          ).message
        },
      every: map.checkpointEvery.loadAcquire(),
      keeper: keeps == true ? Int(map.keeperPid.loadAcquire()) : nil,
      uncovered: place == nil || map.isStored
        ? []
        : (0..<partitions).filter {
          let row = map.partition($0)
          return row.ceiling.loadAcquire() > row.covered.loadAcquire()
        })
  }

  /// Whether a publisher is attached whose process lives.
  public var hasPublishers: Bool {
    usedRows.contains { $0 < map.layout.maxPublishers && isAlive($0) }
  }

  /// How many publishers have ever attached; tells that one has come and gone.
  public var publisherAdmissions: UInt64 {
    // Each use of a row raises its incarnation twice: when it is taken (odd), and when it is freed.
    (0..<map.layout.maxPublishers).reduce(0) { sum, row in
      sum &+ (map.endpoint(row).incarnation.loadAcquire() &+ 1) / 2
    }
  }

  /// Rows of the registry that somebody uses, dead or alive.
  private var usedRows: [Int] {
    (0..<map.layout.endpointRows).filter { map.endpoint($0).isInUse }
  }

  /// Whether somebody may wait for an endpoint: it has an open claim in a partition, or something to read.
  private func isBusy(
    _ row: Int, _ partition: Int, _ gate: Gate, _ ring: Ring, cursor: UInt64
  ) -> Bool {
    guard row >= map.layout.maxPublishers else {
      return gate.openClaim(of: UInt64(row), in: ring, cursor: cursor) != nil
    }
    if isObserver(row) { return true }
    let head = map.head(map.headRow(ofEndpoint: row), partition: partition).head.loadAcquire()
    return Packed.offset(head) < Packed.cursorOffset(cursor)
  }

  private func isObserver(_ row: Int) -> Bool {
    unsafe map.endpoint(row).fields.pointee.role == Endpoint.Role.observer.rawValue
  }

  private func isAlive(_ row: Int) -> Bool {
    (try? FileLock.isHeld(Int64(row), seenFrom: control.descriptor.number)) != false
  }

  private func describe(_ holder: Gate.Holder) -> BusStatus.Holder? {
    switch holder {
    case .nobody: nil
    case .claim(let publisher): .publisher(row: publisher)
    case .head(let row) where row < map.layout.maxGroups: .group(row: row)
    case .head(let row): .subscriber(row: map.endpointRow(ofHead: row))
    }
  }

  /// `isBusy`: others wait for it, so that silence tells something.
  func endpoint(_ row: Int, isBusy: Bool) -> BusStatus.Endpoint {
    let words = map.endpoint(row)
    let fields = unsafe words.fields.pointee
    let heartbeat = words.heartbeat.loadRelaxed()
    let isStalled =
      isBusy && Age.nanoseconds(since: heartbeat) > configuration.claimTimeout.nanoseconds
    let command = unsafe withUnsafeBytes(of: fields.command) { bytes in
      unsafe FixedName.text(bytes)
    }
    var heads: [Int: Offset] = [:]
    if row >= map.layout.maxPublishers {
      for partition in 0..<partitions {
        let head = map.head(map.headRow(ofEndpoint: row), partition: partition).head.loadAcquire()
        if Packed.offset(head) != Packed.noOffset { heads[partition] = Packed.offset(head) }
      }
    }
    return BusStatus.Endpoint(
      row: row, role: role(fields.role), pid: Int(fields.pid), command: command,
      state: isAlive(row) ? (isStalled ? .stalled : .alive) : .dead, attached: fields.attached,
      heartbeat: heartbeat, group: group(ofRow: row), node: words.home, heads: heads)
  }

  private func group(ofRow row: Int) -> String? {
    let word = MembershipWord(raw: map.endpoint(row).membership.loadAcquire())
    guard row >= map.layout.maxPublishers, word.state != MembershipWord.State.none,
      (0..<map.layout.maxGroups).contains(word.groupRow), map.group(word.groupRow).isInUse
    else { return nil }
    return map.group(word.groupRow).name.text
  }

  private func role(_ raw: UInt32) -> BusStatus.Endpoint.Role {
    switch Endpoint.Role(rawValue: raw) {
    case .publisher: .publisher
    case .observer: .observer
    case .subscriber, nil: .subscriber
    }
  }
}

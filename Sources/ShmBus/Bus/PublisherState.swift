import CShmBus

/// What a publisher's hot path touches: private memory of its thread, reached by one pointer, because a `var`
/// in a class costs an exclusivity check for each access.
@safe @usableFromInline
struct PublisherState {
  @usableFromInline var clock: TSCClock
  /// Where the lane of each partition is; there is room for as many as the bus may have. A lane never
  /// moves: open loans and batches point to it.
  @usableFromInline let lanes: UnsafeMutablePointer<UnsafeMutablePointer<Lane>>
  /// The control header's: how many partitions there are.
  @usableFromInline let partitionCount: SharedWord
  /// What that said when the lanes were opened.
  @usableFromInline var partitionsSeen: UInt64
  @usableFromInline var choice: PartitionChoice
  @usableFromInline let longestSpan: UInt64
  @usableFromInline let checksum: Bool
  @usableFromInline let timeout: UInt64
  /// The registry row's: grows when somebody quarantines a claim of this publisher.
  @usableFromInline let revoked: SharedWord
  /// What it was when no claim was open; a claim compares it after its commit.
  @usableFromInline var revokedSeen: UInt64
  /// The registry row's: the time of the last call.
  @usableFromInline let heartbeat: SharedWord
  /// The open claim it waits at. It outlives a call: many short timeouts find a stopped owner too.
  var suspect = Suspect()
  /// Whose state this is; it outlives the state.
  let core: Unmanaged<PublisherCore>

  /// The time of a message. Of a pointer: in a type whose lifetime depends on another, an access through
  /// its own property does not compile under the thread sanitizer (Swift 6.3).
  @inlinable @inline(__always)
  static func time(_ state: UnsafeMutablePointer<PublisherState>) -> UInt64 {
    unsafe state.pointee.clock.now()
  }
}

/// What a publisher holds on to, for its cold paths and its end.
@safe
@usableFromInline
final class PublisherCore {
  let bus: Bus
  private(set) var segments: [PartitionSegment]
  private(set) var recovery: Recovery
  let waiter: Waiter
  private let endpoint: Endpoint
  let state: UnsafeMutablePointer<PublisherState>
  private var alarm: LossAlarm?
  let pinning: Pinning
  /// The node it publishes from.
  private let home: Int?
  /// Every commit is put on the disk before it returns. Its commits all go the way of one that may have been
  /// fenced, so that those of other buses need not ask.
  let syncsCommits: Bool
  /// The last commit's `errno`, until it is told.
  var syncFailure: Int32 = 0

  init(
    _ bus: Bus, partitioner: Partitioner, wait: WaitStrategy, timeout: Duration,
    home: Int? = nil, pinning: Pinning = .unasked
  ) throws(BusError) {
    try bus.checkWhole()
    var segments: [PartitionSegment] = []
    for partition in 0..<bus.partitions {
      segments.append(try bus.segment(partition, writable: true, populated: true))
    }
    let recovery = Recovery(
      map: bus.map, rings: segments.map(\.ring), control: bus.control.descriptor.number)
    recovery.sweep()
    let endpoint = try bus.attach(.publisher, recovery, home: home)
    self.bus = bus
    self.home = home
    self.pinning = pinning
    self.segments = segments
    self.recovery = recovery
    waiter = Waiter(map: bus.map, row: endpoint.row, strategy: wait)
    let lanes = unsafe allocateOwnLines(
      of: UnsafeMutablePointer<Lane>.self, count: bus.configuration.maxPartitions)
    for (partition, segment) in segments.enumerated() {
      unsafe (lanes + partition).initialize(
        to: Self.openLane(bus, partition, segment, row: endpoint.row))
    }
    unsafe state = allocateOwnLines(of: PublisherState.self, count: 1)
    self.endpoint = endpoint
    syncsCommits = bus.configuration.sync == .batch
    let revoked = bus.map.endpoint(waiter.row).revoked.loadAcquire()
    unsafe state.initialize(
      to: PublisherState(
        clock: TSCClock(), lanes: lanes, partitionCount: bus.map.partitionCount,
        partitionsSeen: UInt64(segments.count),
        choice: PartitionChoice(
          partitioner, partitions: segments.count, lanes: lanes,
          room: bus.configuration.maxPartitions),
        longestSpan: UInt64(bus.configuration.partitionLayout.longestSpan),
        checksum: bus.configuration.checksum,
        timeout: timeout.nanoseconds, revoked: bus.map.endpoint(waiter.row).revoked,
        revokedSeen: syncsCommits ? .max : revoked,
        heartbeat: bus.map.endpoint(waiter.row).heartbeat,
        core: Unmanaged.passUnretained(self)))
    // Never equal to `revoked` then, so that each commit goes the way of a claim that was fenced.
    let words = unsafe AlarmWords(\.revokedSeen, of: state, count: 1)
    alarm = try bus.alarm(segments.enumerated().map { ($0, $1) }, words)
    unsafe state.pointee.choice.setLocal(localPartitions)
  }

  /// The partitions whose memory is on this publisher's node.
  private var localPartitions: [Int] {
    guard let home else { return [] }
    return segments.indices.filter { bus.map.partition($0).verifiedNode == home }
  }

  /// What befell the memory it works on, if anything.
  var loss: LossAlarm.Loss? { MappingTable.hasLosses ? alarm?.loss : nil }

  private static func openLane(
    _ bus: Bus, _ partition: Int, _ segment: PartitionSegment, row: Int
  ) -> UnsafeMutablePointer<Lane> {
    let gate = Gate(
      map: bus.map, partition: partition, headsHold: bus.configuration.whenFull == .block)
    let lane = unsafe allocateOwnLines(of: Lane.self, count: 1)
    unsafe lane.initialize(to: Lane(ring: segment.ring, publisher: row, gate: gate))
    // E5. The row's last owner may have left an announcement and a floor: both are resolved.
    let cell = unsafe lane.pointee.cell
    cell.announced.storeRelease(0)
    cell.floor.storeRelease(Packed.none)
    return unsafe lane
  }

  /// Opens partitions that were added; those that cannot be mapped are tried again with the next
  /// ones.
  @usableFromInline @inline(never)
  static func grow(_ state: UnsafeMutablePointer<PublisherState>) {
    let core = unsafe state.pointee.core.takeUnretainedValue()
    unsafe state.pointee.partitionsSeen = state.pointee.partitionCount.loadAcquire()
    // Ends: at the number of partitions.
    while core.segments.count < core.bus.partitions {
      let partition = core.segments.count
      guard let segment = try? core.bus.segment(partition, writable: true, populated: true),
        (try? core.bus.watch(partition, segment, by: core.alarm)) != nil
      else { break }
      unsafe (state.pointee.lanes + partition).initialize(
        to: openLane(core.bus, partition, segment, row: core.row))
      core.segments.append(segment)
    }
    unsafe state.pointee.choice.partitions = core.segments.count
    unsafe state.pointee.choice.setLocal(core.localPartitions)
    core.recovery = Recovery(
      map: core.bus.map, rings: core.segments.map(\.ring),
      control: core.bus.control.descriptor.number)
  }

  /// The row it sits in.
  var row: Int { endpoint.row }

  /// This use of the row, as quarantine rows name it.
  var owner: UInt64 { Packed.owner(row: endpoint.row, incarnation: endpoint.incarnation) }

  deinit {
    alarm?.silence()
    let lanes = unsafe state.pointee.lanes
    for partition in segments.indices {
      let lane = unsafe lanes[partition]
      unsafe lane.pointee.cell.announced.storeRelease(0)
      unsafe lane.pointee.open.deallocate()
      unsafe lane.deinitialize(count: 1).deallocate()
    }
    unsafe state.pointee.choice.deallocate()
    unsafe lanes.deinitialize(count: segments.count).deallocate()
    unsafe state.deinitialize(count: 1).deallocate()
  }
}

extension Bus {
  /// Takes a row of the registry, in the words of the public API.
  func attach(
    _ role: Endpoint.Role, _ recovery: Recovery, home: Int?
  ) throws(BusError) -> Endpoint {
    try checkWhole()
    guard !isRemoved else { throw .removed(name) }
    do {
      return try Endpoint(role, in: map, of: self, control: control, home: home) {
        row, incarnation in
        recovery.resolve(row, incarnation)
      }
    } catch {
      switch error {
      case .noFreeRow(let role, let rows):
        let what = role == .publisher ? "publishers" : "subscribers"
        throw BusError(
          .unavailable,
          "all \(rows) rows for \(what) of bus '\(name)' are in use; close one, or create the bus "
            + "with a larger --max-\(what)")
      case .system(let cause):
        throw BusError(.unavailable, "cannot attach to bus '\(name)'", cause)
      }
    }
  }
}

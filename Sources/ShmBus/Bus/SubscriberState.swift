/// What a subscriber's hot path touches: private memory of its thread, reached by one pointer.
@safe @usableFromInline
struct SubscriberState {
  @usableFromInline let tracks: UnsafeMutablePointer<Track>
  @usableFromInline let trackCount: Int
  /// The partition looked at first: it stays for a run of messages, then it is the next one's turn.
  @usableFromInline var current = 0
  @usableFromInline var runLeft = SubscriberState.runLength
  /// What a message takes from the run: nothing when there is only one partition.
  @usableFromInline let runStep: Int
  @usableFromInline var copies: CopyBuffer
  /// Its strategy spins before it sleeps.
  let spins: Bool
  /// Whose state this is; it outlives the state.
  let core: Unmanaged<SubscriberCore>

  @usableFromInline static var runLength: Int { 64 }
}

/// Where messages go that are not safe to read in place. Grows to the largest one seen.
@safe @usableFromInline
struct CopyBuffer {
  private(set) var base: UnsafeMutableRawPointer
  private var capacity: Int

  init() {
    capacity = 4096
    unsafe base = .allocate(byteCount: capacity, alignment: 64)
  }

  mutating func reserve(_ byteCount: Int) {
    guard byteCount > capacity else { return }
    unsafe base.deallocate()
    capacity = byteCount + byteCount / 2
    unsafe base = .allocate(byteCount: capacity, alignment: 64)
  }

  func deallocate() { unsafe base.deallocate() }
}

/// What a subscriber holds on to, for its cold paths and its end. Used by one thread at a time: the
/// subscriber's, or the doorbell's while the subscriber's task is suspended.
@safe @usableFromInline
final class SubscriberCore: @unchecked Sendable {
  let bus: Bus
  let segments: [PartitionSegment]
  let recovery: Recovery
  let waiter: Waiter
  let sleepWords: [SharedWord]
  let sleepMask: UInt64
  private let endpoint: Endpoint
  let state: UnsafeMutablePointer<SubscriberState>
  /// By track: the open claim it waits at, and when it last asked whether the owner lives.
  var suspects: [(suspect: Suspect, probed: UInt64)]
  /// When it last looked whether the bus still has its name.
  var lookedAtName: UInt64 = 0
  private var alarm: LossAlarm?

  init(
    _ bus: Bus, _ role: Endpoint.Role, partitions: [Int], from start: StartPosition,
    wait: WaitStrategy
  ) throws(BusError) {
    try bus.checkWhole()
    var segments: [PartitionSegment] = []
    for partition in partitions {
      segments.append(try bus.segment(partition, writable: false))
    }
    recovery = Recovery(map: bus.map, rings: [], control: bus.control.descriptor.number)
    recovery.sweep()
    let endpoint = try bus.attach(role, recovery)
    self.bus = bus
    self.segments = segments
    suspects = partitions.map { _ in (Suspect(), 0) }
    waiter = Waiter(map: bus.map, row: endpoint.row, strategy: wait)
    sleepWords = partitions.map { bus.map.partition($0).sleepers }
    sleepMask = partitions.reduce(0) { $0 | Sleepers.bit($1) }
    let tracks = unsafe allocateOwnLines(of: Track.self, count: partitions.count)
    for (place, partition) in partitions.enumerated() {
      let words = bus.map.head(bus.map.headRow(ofEndpoint: endpoint.row), partition: partition)
      let track = Track(
        ring: segments[place].ring, partition: partition, map: bus.map, head: words.head,
        heartbeat: bus.map.endpoint(endpoint.row).heartbeat,
        term: (endpoint.incarnation >> 1) & 4095, holds: role == .subscriber)
      unsafe (tracks + place).initialize(to: track)
    }
    unsafe state = allocateOwnLines(of: SubscriberState.self, count: 1)
    self.endpoint = endpoint
    unsafe state.initialize(
      to: SubscriberState(
        tracks: tracks, trackCount: partitions.count, runStep: partitions.count > 1 ? 1 : 0,
        copies: CopyBuffer(), spins: wait.spinNanoseconds > 0,
        core: Unmanaged.passUnretained(self)))
    for place in partitions.indices { unsafe begin(tracks + place, from: start) }
    // Nothing is taken by the plain path then.
    let words = unsafe AlarmWords(\.plainFrom, of: tracks, count: partitions.count)
    alarm = try bus.alarm(Array(zip(partitions, segments)), words)
  }

  /// What befell the memory it works on, if anything.
  var loss: LossAlarm.Loss? { MappingTable.hasLosses ? alarm?.loss : nil }

  /// The row it sits in.
  var row: Int { endpoint.row }

  /// This use of the row, as a quarantine row names its taker.
  var owner: UInt64 { Packed.owner(row: endpoint.row, incarnation: endpoint.incarnation) }

  deinit {
    alarm?.silence()
    let tracks = unsafe state.pointee.tracks
    for place in segments.indices where unsafe tracks[place].holds {
      unsafe tracks[place].leave()
      unsafe Self.wakePublishers(tracks + place)
    }
    unsafe tracks.deinitialize(count: segments.count).deallocate()
    unsafe state.pointee.copies.deallocate()
    unsafe state.deinitialize(count: 1).deallocate()
  }

  /// Joins one partition and goes to its start.
  private func begin(_ track: UnsafeMutablePointer<Track>, from start: StartPosition) {
    let holds = unsafe track.pointee.holds
    if holds {
      unsafe track.pointee.join(inPlace: bus.configuration.whenFull == .block)
    }
    let ring = unsafe track.pointee.ring
    var position: Offset
    // Ends: in block mode publishers stop at our head; else each round means that the ring was lapped.
    repeat {
      position =
        switch start {
        case .earliest: ring.messageStart(atOrAfter: ring.oldestIntact)
        case .latest:
          holds && bus.configuration.whenFull == .block
            ? unsafe track.pointee.heldFrom : ring.end
        case .offset(let offset): ring.messageStart(atOrAfter: min(offset, ring.end))
        }
    } while start == .earliest && !ring.isIntact(position)
    unsafe track.pointee.position = position
    if case .offset(let offset) = start {
      unsafe track.pointee.startsAt = offset
      if position > offset, offset < ring.oldestIntact {
        unsafe track.pointee.missedFrom = offset
      }
    }
    unsafe track.pointee.settlePlainFrom(verifies: bus.configuration.checksum)
    if holds {
      unsafe track.pointee.moveHead(to: position)
      unsafe Self.wakePublishers(track)
    }
  }
}

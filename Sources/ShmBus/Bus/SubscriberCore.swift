import CShmBus

/// What a subscriber holds on to, for its cold paths and its end. Used by one thread at a time: the
/// subscriber's, or the doorbell's while the subscriber's task is suspended.
@safe @usableFromInline
final class SubscriberCore: @unchecked Sendable {
  let bus: Bus
  let recovery: Recovery
  let waiter: Waiter
  let role: Endpoint.Role
  let endpoint: Endpoint
  let state: UnsafeMutablePointer<SubscriberState>
  /// By partition: the open claim it waits at, and when it last asked whether the owner lives.
  var suspects: [Int: (suspect: Suspect, probed: UInt64)] = [:]
  /// The words that it sleeps on, and their bits.
  var sleepWords: [SharedWord] = []
  var sleepMask: UInt64 = 1
  /// Mapped once, and kept: a partition may come back.
  private var segments: [Int: PartitionSegment] = [:]
  /// The partitions it was asked to read; nil for all, and those to come. Nothing to a member of a
  /// group.
  let chosen: [Int]?
  /// Where to go on when the next message is gone.
  let whenGone: GapPolicy
  /// A ``ReadyDescriptor`` looks after it: its own thread must not.
  var isArmed = false
  /// Met by a look while nobody asked for a message.
  var untold: SubscribeError?
  /// When it last looked whether the bus still has its name.
  var lookedAtName: UInt64 = 0
  private var alarm: LossAlarm?
  /// How many tracks there is room for.
  private var room: Int
  let pinning: Pinning
  /// Its place in a group.
  private(set) var seat: GroupSeat?

  /// Attaches; reads nothing yet.
  init(
    _ bus: Bus, _ role: Endpoint.Role, chosen: [Int]?, wait: WaitStrategy,
    whenGone: GapPolicy = .earliest, watching group: Group? = nil, pinning: Pinning
  ) throws(BusError) {
    try bus.checkWhole()
    recovery = Recovery(map: bus.map, rings: [], control: bus.control.descriptor.number)
    recovery.sweep()
    // All before it attaches: who shows in the registry has what it reads. A member opens what it
    // owns.
    var opened: [(Int, PartitionSegment)] = []
    for partition in group == nil ? chosen ?? Array(0..<bus.partitions) : [0] {
      opened.append((partition, try bus.segment(partition, writable: false, populated: true)))
    }
    let endpoint = try bus.attach(role, recovery, home: bus.homeNode)
    self.bus = bus
    self.pinning = pinning
    self.role = role
    self.chosen = chosen
    self.whenGone = whenGone
    waiter = Waiter(map: bus.map, row: endpoint.row, strategy: wait)
    // Never 0: the first place can always be looked at.
    room = opened.count
    let tracks = unsafe allocateOwnLines(of: Track.self, count: room)
    unsafe state = allocateOwnLines(of: SubscriberState.self, count: 1)
    let watched = group?.words.generation ?? bus.map.partitionCount
    let delivered = bus.map.endpoint(endpoint.row).delivered
    self.endpoint = endpoint
    for (partition, segment) in opened { segments[partition] = segment }
    unsafe state.initialize(
      to: SubscriberState(
        tracks: tracks, watched: watched, watchedSeen: .max, delivered: delivered,
        spins: wait.spinNanoseconds > 0, core: Unmanaged.passUnretained(self)))
    unsafe tracks.initialize(repeating: inert(opened[0].1.ring), count: room)
    // Nothing is taken by the plain path then.
    let words = unsafe AlarmWords(\.plainFrom, of: tracks, count: room)
    alarm = try bus.alarm(opened, words)
  }

  /// What befell the memory it works on, if anything.
  var loss: LossAlarm.Loss? { MappingTable.hasLosses ? alarm?.loss : nil }

  /// An ephemeral subscriber or an observer, which reads from `start` on.
  convenience init(
    _ bus: Bus, _ role: Endpoint.Role, chosen: [Int]?, from start: StartPosition,
    wait: WaitStrategy, pinning: Pinning
  ) throws(BusError) {
    try self.init(bus, role, chosen: chosen, wait: wait, pinning: pinning)
    unsafe state.pointee.watchedSeen = bus.map.partitionCount.loadAcquire()
    for partition in chosen ?? Array(0..<bus.partitions) { try join(partition, from: start) }
  }

  /// A member of a group, which owns nothing before its first poll.
  convenience init(
    _ bus: Bus, _ group: Group, _ options: GroupOptions, missed: [Int: Offset], wait: WaitStrategy,
    pinning: Pinning
  ) throws(BusError) {
    try self.init(
      bus, .subscriber, chosen: nil, wait: wait, whenGone: options.whenGone, watching: group,
      pinning: pinning)
    seat = GroupSeat(self, group, options, missed: missed)
  }

  /// The row it sits in.
  var row: Int { endpoint.row }

  /// This use of the row, as quarantine rows and owner words name it.
  var owner: UInt64 { Packed.owner(row: endpoint.row, incarnation: endpoint.incarnation) }

  deinit {
    alarm?.silence()
    seat?.leave()
    let tracks = unsafe state.pointee.tracks
    for place in unsafe 0..<state.pointee.heldCount where unsafe tracks[place].holds {
      unsafe tracks[place].leave()
      unsafe Self.wakePublishers(tracks + place)
    }
    unsafe tracks.deinitialize(count: room).deallocate()
    unsafe state.pointee.copies.deallocate()
    unsafe state.deinitialize(count: 1).deallocate()
  }

  /// Nothing is ever read from it: what stands in the first place while there are no partitions.
  private func inert(_ ring: Ring) -> Track {
    let words = bus.map.head(bus.map.headRow(ofEndpoint: endpoint.row), partition: 0)
    return Track(
      ring: ring, partition: -1, map: bus.map, head: words.head,
      heartbeat: bus.map.endpoint(endpoint.row).heartbeat, term: 0, holds: false,
      blocked: bus.map.partition(0))
  }

  func ring(_ partition: Int) throws(BusError) -> Ring {
    if let segment = segments[partition] { return segment.ring }
    let segment = try bus.segment(partition, writable: false, populated: true)
    try bus.watch(partition, segment, by: alarm)
    segments[partition] = segment
    return segment.ring
  }
}

// The partitions a subscriber has.

extension SubscriberCore {
  /// Joins one partition, as an ephemeral subscriber or observer, and goes to its start.
  private func join(_ partition: Int, from start: StartPosition) throws(BusError) {
    let words = bus.map.head(bus.map.headRow(ofEndpoint: endpoint.row), partition: partition)
    let holds = role == .subscriber
    var track = Track(
      ring: try ring(partition), partition: partition, map: bus.map, head: words.head,
      heartbeat: bus.map.endpoint(endpoint.row).heartbeat, term: (endpoint.incarnation >> 1) & 4095,
      holds: holds)
    if holds { track.join(inPlace: bus.configuration.whenFull == .block) }
    let protected = holds && bus.configuration.whenFull == .block
    track.begin(
      start, latest: protected ? track.heldFrom : track.ring.end, head: nil,
      verifies: bus.configuration.checksum)
    if holds {
      track.moveHead(to: track.position)
      unsafe withUnsafeMutablePointer(to: &track) { unsafe Self.wakePublishers($0) }
    }
    add(track)
  }

  func add(_ track: Track) {
    let held = unsafe state.pointee.heldCount
    let read = unsafe state.pointee.trackCount
    if held == room { grow() }
    // The first paused one makes room.
    if held > read { unsafe state.pointee.tracks[held] = state.pointee.tracks[read] }
    unsafe state.pointee.tracks[read] = track
    unsafe state.pointee.heldCount = held + 1
    unsafe state.pointee.trackCount = read + 1
    settleSleep()
  }

  /// Makes room for as many tracks again. Nobody points to one by now: partitions come while the next
  /// message is asked for.
  private func grow() {
    let old = unsafe state.pointee.tracks
    let tracks = unsafe allocateOwnLines(of: Track.self, count: 2 * room)
    unsafe tracks.initialize(from: old, count: room)
    unsafe (tracks + room).initialize(repeating: old.pointee, count: room)
    unsafe state.pointee.tracks = tracks
    unsafe alarm?.move(to: AlarmWords(\.plainFrom, of: tracks, count: 2 * room))
    unsafe old.deinitialize(count: room).deallocate()
    room *= 2
  }

  /// Takes a partition away; what it held back stays as it is.
  func drop(_ partition: Int) {
    let tracks = unsafe state.pointee.tracks
    let held = unsafe state.pointee.heldCount
    guard let place = (0..<held).first(where: { unsafe tracks[$0].partition == partition })
    else { return }
    let isRead = unsafe place < state.pointee.trackCount
    for next in place..<(held - 1) { unsafe tracks[next] = tracks[next + 1] }
    unsafe state.pointee.heldCount = held - 1
    if isRead { unsafe state.pointee.trackCount -= 1 }
    settleSleep()
  }

  /// Moves a partition between those that are read and those that are paused.
  func setPaused(_ partition: Int, _ pauses: Bool) {
    guard let track = unsafe state.pointee.track(partition) else { return }
    let count = unsafe state.pointee.trackCount
    let tracks = unsafe state.pointee.tracks
    let isPaused = unsafe track - tracks >= count
    guard isPaused != pauses else { return }
    let other = unsafe tracks + (pauses ? count - 1 : count)
    unsafe swap(&track.pointee, &other.pointee)
    unsafe state.pointee.trackCount += pauses ? -1 : 1
    settleSleep()
  }

  /// What depends on which partitions are read.
  private func settleSleep() {
    let read = unsafe (0..<state.pointee.trackCount).map {
      unsafe state.pointee.tracks[$0].partition
    }
    sleepWords = read.map { bus.map.partition($0).sleepers }
    // Never empty: a member without partitions is woken by its group.
    sleepMask = read.reduce(0) { $0 | Sleepers.bit($1) } | (read.isEmpty ? 1 : 0)
    unsafe state.pointee.current = 0
    // Nothing stands in the first place where nothing is read.
    unsafe state.pointee.runLeft = read.isEmpty ? 0 : state.pointee.run
    unsafe state.pointee.runStep = read.count > 1 || seat != nil ? 1 : 0
  }

  /// Takes in what changed: partitions that came to the bus, or a group's membership.
  func settle() throws(SubscribeError) {
    if let seat { return try seat.settle() }
    unsafe state.pointee.watchedSeen = bus.map.partitionCount.loadAcquire()
    guard chosen == nil else { return }
    for partition in 0..<bus.partitions where unsafe state.pointee.track(partition) == nil {
      do { try join(partition, from: .earliest) } catch {
        throw bus.isRemoved ? .removed : .damaged(partition: partition, offset: 0)
      }
    }
  }
}

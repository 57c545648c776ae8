/// One member's place in its group: which partitions it owns, and what it does when the membership
/// changes (`models/ownership.pml`). Nobody coordinates: each member computes the same, gives up
/// what is no longer its own and claims what is free.
@safe
final class GroupSeat {
  /// Whose seat it is; it outlives the seat, and its end is the seat's last work.
  private let holder: Unmanaged<SubscriberCore>
  let group: Group
  let options: GroupOptions
  private let assignor: Assignor
  let me: GroupMember
  private let owner: UInt64
  /// Ours by the last assignment, but still somebody's.
  private var pending: [Int] = []
  /// It was told that it has no partitions.
  private var knowsItIsIdle = false
  /// Where a new group was asked to begin in partitions in which that is gone.
  private var missed: [Int: Offset]
  private var watch: GroupWatch
  private var lastRun: UInt64 = 0

  init(
    _ core: SubscriberCore, _ group: Group, _ options: GroupOptions, missed: [Int: Offset]
  ) {
    unsafe holder = Unmanaged.passUnretained(core)
    self.group = group
    self.options = options
    self.missed = missed
    // Every broadcast member has heads of its own, which those who share its name share.
    if case .broadcast = options.assignor {
      assignor = .sticky
    } else {
      assignor = options.assignor
    }
    owner = core.owner
    let endpoint = group.map.endpoint(core.row)
    endpoint.label.put(options.member ?? "")
    unsafe endpoint.fields.pointee.group = UInt32(group.row + 1)
    me = GroupMember(
      row: UInt16(core.row), incarnation: core.endpoint.incarnation, name: options.member,
      node: endpoint.home)
    watch = GroupWatch(group, me, core.recovery)
    join()
  }

  /// Whether there are other members, which may die.
  var hasCompany: Bool { watch.hasCompany }

  private var core: SubscriberCore { unsafe holder.takeUnretainedValue() }

  private var state: UnsafeMutablePointer<SubscriberState> { unsafe core.state }

  private var word: SharedWord { group.map.endpoint(core.row).membership }

  /// First the word, then the generation: whoever computes after that sees us.
  private func join() {
    word.storeRelease(group.activeWord(me.incarnation).raw)  // B8
    group.bump()
  }

  /// Gives everything up. What was committed for later is committed.
  ///
  /// The word is cleared last: should this process die before it has moved the generation, whoever
  /// frees its row does, but not for a row that is in no group (`-DLEAVENONE`).
  func leave() {
    for partition in unsafe state.pointee.held { release(partition) }
    releaseRest(but: [])
    word.storeRelease(group.activeWord(me.incarnation).with(.gone).raw)  // B8
    group.bump()
    word.storeRelease(0)  // B8
  }

  // MARK: - What each poll does

  /// Signs of life, and a look at what others may have done: true if there is something to settle.
  /// Costs a look at a clock, and more at most once a millisecond.
  func tend() -> Bool {
    let now = Clock.monotonic()
    adaptRun(now)
    let held = unsafe state.pointee.heldCount
    if (0..<held).contains(where: { unsafe state.pointee.tracks[$0].isFenced }) { return true }
    if pending.contains(where: { Ownership(group, $0).isFree(for: owner) }) { return true }
    guard watch.isDue(now) else { return false }
    let time = Clock.realtime()
    group.map.endpoint(core.row).heartbeat.storeRelaxed(time)
    for place in 0..<held {
      let track = unsafe state.pointee.tracks + place
      if unsafe !isHeld(track.pointee) { return true }
      unsafe noteMove(track, time)
    }
    if word.loadAcquire() != group.activeWord(me.incarnation).raw { return true }
    watch.look(now)
    return false
  }

  /// A run ends here. It should last a millisecond or two: after that the others are looked after
  /// again.
  private func adaptRun(_ now: UInt64) {
    defer { lastRun = now }
    guard unsafe state.pointee.runLeft == 0 else { return }
    let most = unsafe state.pointee.trackCount > 1 ? SubscriberState.runLength : 1024
    let run = unsafe state.pointee.run
    unsafe state.pointee.run = now &- lastRun > 2_000_000 ? max(1, run / 4) : min(most, run * 2)
  }

  private func isHeld(_ track: Track) -> Bool {
    !track.isFenced
      && Ownership(group, track.partition).isHeld(by: owner, term: track.term)
  }

  /// When a head moved last, to within the time between two looks: for people.
  private func noteMove(_ track: UnsafeMutablePointer<Track>, _ time: UInt64) {
    guard unsafe track.pointee.committed != track.pointee.noted else { return }
    unsafe track.pointee.noted = track.pointee.committed
    unsafe group.map.head(group.row, partition: track.pointee.partition).moved.storeRelaxed(time)
  }

  // MARK: - Settling

  /// Computes the assignment anew and does what it asks for.
  func settle() throws(SubscribeError) {
    // Bounded: each turn but the last found this member expired, and it came back.
    for _ in 0..<16 {
      guard group.exists else {
        lose(unsafe state.pointee.held)
        unsafe state.pointee.watchedSeen = .max
        throw .groupDeleted
      }
      let (members, generation) = group.snapshot()
      unsafe state.pointee.watchedSeen = generation
      watch.follow(members)
      // By its row: what it says beside that, anybody could have written over.
      if let seen = members.first(where: { $0.row == me.row && $0.incarnation == me.incarnation }) {
        return try apply(members, seen)
      }
      lose(unsafe state.pointee.held)
      join()
    }
  }

  private func apply(
    _ members: [GroupMember], _ seen: GroupMember
  ) throws(SubscribeError) {
    let nodes = group.map.partitionNodes
    let share = assignor.share(of: seen, among: members, partitions: nodes.count, on: nodes)
    lose(
      unsafe state.pointee.held.filter { partition in
        unsafe state.pointee.track(partition).map { unsafe !isHeld($0.pointee) } ?? false
      })
    let leaving = unsafe state.pointee.held.filter { !share.contains($0) }
    if !leaving.isEmpty { tell(.revoked, leaving) }
    for partition in leaving { release(partition) }
    if releaseRest(but: Set(share)) || !leaving.isEmpty { group.wakeMembers() }
    try claim(share)
  }

  private func claim(_ share: [Int]) throws(SubscribeError) {
    var claimed: [Int] = []
    pending = []
    for partition in share where unsafe state.pointee.track(partition) == nil {
      let ring: Ring
      do { ring = try core.ring(partition) } catch {
        throw core.bus.isRemoved ? .removed : .damaged(partition: partition, offset: 0)
      }
      guard let head = Ownership(group, partition).claim(owner) else {
        pending.append(partition)
        continue
      }
      core.add(track(partition, ring, head))
      claimed.append(partition)
    }
    let isNewlyIdle = share.isEmpty && !knowsItIsIdle
    knowsItIsIdle = share.isEmpty
    if !claimed.isEmpty || isNewlyIdle { tell(.assigned, claimed) }
  }

  /// Reads from a head on.
  private func track(_ partition: Int, _ ring: Ring, _ head: UInt64) -> Track {
    let words = group.map.head(group.row, partition: partition)
    let offset = Packed.offset(head)
    var track = Track(
      ring: ring, partition: partition, map: group.map, head: words.head,
      heartbeat: group.map.endpoint(core.row).heartbeat, term: Packed.term(head), holds: false,
      stake: Track.Stake(
        group: group.row, use: group.incarnation, member: owner, head: head))
    let isProtected =
      core.bus.configuration.whenFull == .block && group.words.holdsPublishers
    track.heldFrom = isProtected ? words.heldFrom.loadAcquire() : .max
    track.position = offset
    track.later = offset
    track.noted = offset
    if let asked = missed.removeValue(forKey: partition) { track.missedFrom = asked }
    let lostFrom = words.lostFrom.loadAcquire()  // N5
    if lostFrom != 0, lostFrom <= offset {
      track.missedFrom = lostFrom - 1
      track.lost = words.lostFrom
    }
    track.settlePlainFrom(verifies: core.bus.configuration.checksum)
    return track
  }

  private func release(_ partition: Int) {
    if let track = unsafe state.pointee.track(partition) {
      unsafe SubscriberCore.giveBack(track)
      unsafe noteMove(track, Clock.realtime())
    }
    core.drop(partition)
    _ = Ownership(group, partition).release(owner)
  }

  /// Owner words that name us for what we do not hold and shall not get: claims begun and not
  /// ended.
  @discardableResult
  private func releaseRest(but share: Set<Int>) -> Bool {
    var released = false
    for partition in 0..<group.map.partitions
    where !share.contains(partition) && Ownership(group, partition).release(owner) {
      released = true
    }
    return released
  }

  private func lose(_ partitions: [Int]) {
    guard !partitions.isEmpty else { return }
    for partition in partitions { core.drop(partition) }
    tell(.lost, partitions)
  }

  private func tell(_ kind: GroupChange.Kind, _ partitions: [Int]) {
    guard let onChange = options.onChange else { return }
    onChange(GroupChange(kind, partitions, core))
  }
}

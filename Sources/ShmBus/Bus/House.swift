import CShmBus
import Glibc

/// The right to keep a bus's house, and what is done with it: one process has it at a time, by a lock that
/// the kernel frees when it dies. Used by one thread at a time.
@safe
final class House {
  let bus: Bus
  /// An open file description that holds the lock.
  private let lock: UnforkableDescriptor
  private let place: StatePlace?
  /// Nil until the state directory could be used, and after it failed.
  private var files: CheckpointFiles?
  private var segments: [PartitionSegment] = []
  /// Whether this user may write all partitions: else claims of the dead are others' to resolve.
  private var mayWrite = true
  private var patrol = GroupPatrol()

  /// Nil while another process keeps it.
  init?(_ bus: Bus) throws(BusError) {
    self.bus = bus
    place = bus.statePlace
    do throws(SystemError) {
      let description = try UnforkableDescriptor(bus.control.reopened(writable: true))
      guard try FileLock.acquire(SHMBUS_LOCK_KEEPER, of: description.number) else { return nil }
      lock = description
    } catch { throw BusError(.unavailable, "cannot keep house for bus '\(bus.name)'", error) }
    bus.map.keeperPid.storeRelease(UInt64(getpid()))
  }

  deinit {
    guard bus.mapping.fate == .whole else { return }
    // Before the lock is free: it is not the next one's that is cleared.
    bus.map.keeperPid.storeRelease(0)
  }

  /// Whether there is anything left to keep.
  var isOver: Bool { bus.mapping.fate != .whole || bus.isRemoved }

  /// The rounds: frees what the dead left, and expires members that do not poll.
  func sweep() throws(BusError) {
    let rings = try rings()
    Recovery(map: bus.map, rings: mayWrite ? rings : [], control: bus.control.descriptor.number)
      .sweep()
    patrol.look(bus.map, Clock.monotonic())
  }

  /// What a stored bus needs at the interval of its `sync`: its messages on the disk, and room ahead of
  /// publishers.
  func tendStorage() throws(BusError) {
    _ = try rings()
    guard mayWrite else { return }
    for (partition, segment) in segments.enumerated() { try bus.tend(segment, partition) }
  }

  private func rings() throws(BusError) -> [Ring] {
    // Ends: at the number of partitions.
    while segments.count < bus.partitions {
      let partition = segments.count
      if mayWrite {
        do {
          segments.append(try bus.segment(partition, writable: true))
          continue
        } catch {
          guard error.code == .permission else { throw error }
          mayWrite = false
        }
      }
      segments.append(try bus.segment(partition, writable: false))
    }
    return segments.map(\.ring)
  }

  /// Writes what has changed since the last checkpoint, and raises ceilings that come near. Returns
  /// when it is on the disk; on a bus without a state directory at once. What went wrong stands in the
  /// control segment, too, until it goes well again.
  func checkpoint() throws(BusError) {
    guard let place else { return }
    let map = bus.map
    let asked = map.checkpointWanted.loadAcquire()
    defer {
      map.keeperBell.storeRelease(0)  // N3
      _ = map.checkpointDone.raise(to: asked)
    }
    let rings = try rings()
    do throws(SystemError) {
      try write(rings, place)
      map.checkpointError.storeRelease(0)
    } catch {
      files = nil
      map.checkpointError.storeRelease(UInt64(error.code))
      throw Self.sentence(bus.name, place, error)
    }
  }

  private func write(_ rings: [Ring], _ place: StatePlace) throws(SystemError) {
    let files = try open(place)
    var checkpoint = capture(rings, files)
    let isNews = !files.hold(checkpoint)
    if isNews { try files.write(checkpoint) }
    // A ceiling counts when both copies have it: either may be lost.
    let partitions = checkpoint.image.partitions.indices
    let isCovered =
      bus.map.isStored
      || partitions.allSatisfy {
        files.covered($0, generation: bus.generation) >= checkpoint.ceiling(of: $0)
      }
    if !isCovered {
      checkpoint.image.number += 1
      try files.write(checkpoint)
    }
    for partition in partitions where !bus.map.isStored {
      settle(partition, files.covered(partition, generation: bus.generation))
    }
    bus.map.checkpointTime.storeRelease(Clock.realtime())
    bus.map.checkpointNumber.storeRelease(files.nextNumber - 1)
  }

  private func open(_ place: StatePlace) throws(SystemError) -> CheckpointFiles {
    if let files, files.areUndisturbed { return files }
    // The lock of the folder goes first.
    files = nil
    // Whoever may write the control segment can name any folder there, and this process may have rights that
    // he has not: only one of the bus's owner is used.
    let access = SegmentAccess(bus.configuration)
    let opened = try CheckpointFiles(
      place.path, owner: bus.control.ownership().uid,
      creating: (folder: access.stateDirectory, files: access.partition))
    if let newest = opened.newest, newest.image.identity != bus.identity {
      throw SystemError(call: "use", subject: place.path, code: EEXIST)
    }
    files = opened
    return opened
  }

  private func capture(_ rings: [Ring], _ files: CheckpointFiles) -> Checkpoint {
    var checkpoint = Checkpoint.capture(
      bus.map, rings: rings, generation: bus.generation, number: files.nextNumber)
    for partition in checkpoint.image.partitions.indices where !bus.map.isStored {
      let now = bus.map.partition(partition).ceiling.loadAcquire()
      let cursor = checkpoint.image.partitions[partition].cursor
      let isNear = now < cursor &+ Ceiling.near
      let goal = isNear ? cursor &+ Ceiling.step : now
      checkpoint.image.setCeiling(min(goal, Packed.offsetLimit), of: partition)
    }
    return checkpoint
  }

  /// Publishers may go up to where both copies are.
  private func settle(_ partition: Int, _ covered: Offset) {
    let row = bus.map.partition(partition)
    row.covered.storeRelease(covered)
    let seen = row.ceiling.loadAcquire()
    // 0: the bus is removed, and stays so.
    guard seen != 0, seen < covered, row.ceiling.compareExchange(seen, covered).exchanged  // N1
    else { return }
    Sleepers.publishers(of: partition, in: bus.map).wakeAll()
  }

  static func sentence(_ name: String, _ place: StatePlace, _ cause: SystemError) -> BusError {
    switch cause.code {
    case EBUSY:
      BusError(
        .tryAgain,
        "the state of bus '\(name)' in \(place.path) is in use by another process; try again, or end it"
      )
    case EEXIST:
      BusError(
        .unavailable,
        "\(place.path) holds the state of another bus '\(name)', which is left alone: move it away, or "
          + "use another --state-dir")
    case EPERM:
      BusError(
        .permission,
        "you cannot keep the state of bus '\(name)' in \(place.path): it is kept in a folder of the bus's "
          + "owner, by whoever may write that, and restored by the owner; you are "
          + ProcessIdentity.sentence)
    default:
      BusError(
        cause.code == EACCES ? .permission : .unavailable,
        "the state of bus '\(name)' cannot be kept in \(place.path)", cause)
    }
  }
}

extension Bus {
  /// A random stamp of the bus that stays the same when it is restored: unlike ``generation``.
  public var identity: UInt64 { unsafe map.header.pointee.identity }

  /// Where its state is kept; nil if it has none.
  var statePlace: StatePlace? {
    guard case .path(let directory) = configuration.stateDirectory else { return nil }
    return StatePlace(directory, namespace: busName.namespace, name: name)
  }

  /// Writes a checkpoint now, and returns when it is on the disk.
  ///
  /// - Throws: ``BusError`` `.unavailable` when the state directory cannot be used, or the housekeeper does
  ///   not answer within ten seconds; `.usage` on a bus without a state directory.
  public func checkpoint() throws(BusError) {
    guard let place = statePlace else {
      throw BusError(
        .usage, "bus '\(name)' has no state directory; create it with --state-dir to have one")
    }
    try checkWhole()
    guard !isRemoved else { throw .removed(name) }
    let ticket = map.checkpointWanted.add(1) &+ 1
    let deadline = Clock.deadline(in: 10_000_000_000)
    // Ends: at the deadline.
    while map.checkpointDone.loadAcquire() < ticket {
      // Who may not write it asks who may.
      if mayKeepState {
        if let house = try House(self) { return try house.checkpoint() }
      } else if (try? FileLock.isHeld(SHMBUS_LOCK_KEEPER, seenFrom: control.descriptor.number))
        == false
      {
        throw House.sentence(
          name, place, SystemError(call: "use", subject: place.path, code: EPERM))
      }
      _ = map.keeperBell.compareExchange(0, Clock.monotonic() | 1)  // N3
      unsafe Futex.wakeOne(map.keeperBellAddress)
      guard Clock.monotonic() < deadline else { throw silentKeeper }
      usleep(1_000)
    }
    let code = Int32(truncatingIfNeeded: map.checkpointError.loadAcquire())
    if code != 0 {
      throw House.sentence(
        name, place, SystemError(call: "write", subject: place.path, code: code))
    }
  }

  private var silentKeeper: BusError {
    BusError(
      .unavailable,
      "the housekeeper of bus '\(name)' (pid \(map.keeperPid.loadAcquire())) does not answer: it is "
        + "stopped, or its disk stalls; let it go on, or end it")
  }
}

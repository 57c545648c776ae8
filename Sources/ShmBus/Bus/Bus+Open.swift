import CShmBus
import Glibc

extension Bus {
  /// Opens a bus that exists; one whose memory is gone since the host was started is restored from its
  /// checkpoint first (``restore(_:from:storage:key:keepsHouse:)``).
  ///
  /// - Parameters:
  ///   - name: the bus's.
  ///   - key: its access key, where it was created with one.
  ///   - keepsHouse: let this process be the housekeeper, or stand by as long as another one is: a thread
  ///     of the library then writes checkpoints and looks after the dead. `SHMBUS_HOUSEKEEPING=off` in the
  ///     environment declines for all buses.
  /// - Throws: ``BusError`` `.notFound`, `.permission`, `.damaged` (with what was found and what was
  ///   expected), `.tryAgain` if it is only half created, `.unavailable` if it has been removed.
  public static func open(
    _ name: String, key: AccessKey? = nil, keepsHouse: Bool = true
  ) throws(BusError) -> Bus {
    let busName = try BusName(name)
    let bus: Bus
    do { bus = try open(busName) } catch {
      guard error.code == .notFound || error.code == .tryAgain,
        let restored = try restoreIfGone(busName, key)
      else { throw error }
      bus = restored
    }
    try unsafe AccessKey.check(key, bus.map.header.pointee, name)
    if keepsHouse { bus.keepHouse() }
    return bus
  }

  /// Without its key: to show it among all others.
  ///
  /// - Throws: as ``open(_:key:)``.
  package static func look(at name: String) throws(BusError) -> Bus { try open(BusName(name)) }

  /// Without its key: to look after it, or to remove it.
  static func open(_ name: BusName) throws(BusError) -> Bus {
    let deadline = Clock.monotonic() + 1_000_000_000
    // Ends: at the deadline. A bus that is being created right now is ready within a moment.
    while true {
      do throws(any Error) {
        if let bus = try attempt(name) { return bus }
      } catch {
        throw .from(error) {
          $0.code == ENOENT ? .noSuchBus(name.name) : .cannotOpen(name.control, $0)
        }
      }
      guard Clock.monotonic() < deadline else {
        throw BusError(.tryAgain, "bus '\(name.name)' is still being created; try again")
      }
      usleep(1_000)
    }
  }

  /// Nil while a living creator is at work.
  private static func attempt(_ name: BusName) throws -> Bus? {
    let control = try SharedMemory.open(name.control, writable: true)
    let size = try control.byteCount()
    guard size >= MemoryLayout<shmbus_control_header>.size else {
      return try waitForCreator(of: name, control)
    }
    let mapping = try Mapping(
      control.descriptor, byteCount: size, writable: true, populate: false)
    let state = unsafe SharedWord(mapping.base, at: 24).loadAcquire()
    let header = unsafe mapping.base.load(as: shmbus_control_header.self)
    if state == ControlState.creating, header.magic == 0 || header.magic == SHMBUS_CONTROL_MAGIC {
      return try waitForCreator(of: name, control)
    }
    try check(header, state, size: size, name)
    var configuration = BusConfiguration(header)
    let map = unsafe ControlMap(mapping.base, configuration.controlLayout)
    configuration.numa = NUMAPolicy(
      code: header.numa_policy,
      nodes: (0..<configuration.maxPartitions).map { map.partition($0).node })
    if configuration.prefault { _ = try? mapping.populate() }
    return Bus(
      name, configuration, control: control, mapping: mapping, generation: header.generation)
  }

  private static func waitForCreator(
    of name: BusName, _ control: borrowing SharedMemory
  ) throws -> Bus? {
    if try FileLock.isHeld(SHMBUS_LOCK_ADMIN, seenFrom: control.descriptor.number) { return nil }
    // The lock may have been dropped because the bus is ready now.
    guard try control.identity() == SharedMemory.identity(of: name.control),
      try control.controlHeader()?.state ?? ControlState.creating == ControlState.creating
    else { return nil }
    throw BusError(
      .tryAgain,
      "bus '\(name.name)' was only half created when its creator died; 'shmctl create \(name.name)' "
        + "replaces it, 'shmctl remove \(name.name)' clears it away")
  }

  /// Refuses what is not a bus this library can use, with what was found and what was expected.
  private static func check(
    _ header: shmbus_control_header, _ state: UInt64, size: Int, _ name: BusName
  ) throws(BusError) {
    guard header.magic == SHMBUS_CONTROL_MAGIC else {
      throw .wrong(name.control, "magic", found: header.magic, expected: SHMBUS_CONTROL_MAGIC)
    }
    guard header.layout_version == UInt32(SHMBUS_LAYOUT_VERSION) else {
      throw .wrong(
        name.control, "layout version", found: header.layout_version,
        expected: SHMBUS_LAYOUT_VERSION)
    }
    guard state == ControlState.ready else {
      throw state == ControlState.removed
        ? .removed(name.name)
        : .wrong(name.control, "state", found: state, expected: ControlState.ready)
    }
    guard header.generation != 0 else {
      throw .wrong(name.control, "generation", found: 0, expected: "a stamp that is not 0")
    }
    let configuration = BusConfiguration(header)
    do { try configuration.validate() } catch {
      throw .wrong(name.control, "geometry", found: error.message, expected: "a valid geometry")
    }
    guard BusConfiguration.WhenFull(rawValue: header.when_full) != nil else {
      throw .wrong(
        name.control, "geometry", found: "when-full \(header.when_full)", expected: "0 or 1")
    }
    let layout = configuration.controlLayout
    guard size == layout.segmentBytes else {
      throw .wrong(name.control, "size", found: size, expected: layout.segmentBytes)
    }
    guard header.segment_bytes == UInt64(size) else {
      throw .wrong(
        name.control, "size", found: "\(header.segment_bytes) in its header", expected: size)
    }
    guard header.quarantine_table == UInt64(layout.quarantineTable) else {
      throw .wrong(
        name.control, "geometry", found: "its last table at \(header.quarantine_table)",
        expected: layout.quarantineTable)
    }
  }
}

extension BusConfiguration {
  /// As a control header tells it; not validated.
  init(_ header: shmbus_control_header) {
    self.init(
      partitions: Int(truncatingIfNeeded: header.partitions),
      maxPartitions: Int(header.max_partitions), slots: Int(truncatingIfNeeded: header.slots),
      slotSize: Int(header.slot_size),
      whenFull: WhenFull(rawValue: header.when_full) ?? .block, mode: header.mode,
      group: header.publish_gid == .max && header.subscribe_gid == .max ? header.owner_gid : nil,
      publishGroup: header.publish_gid == .max ? nil : header.publish_gid,
      subscribeGroup: header.subscribe_gid == .max ? nil : header.subscribe_gid,
      maxPublishers: Int(header.max_publishers), maxSubscribers: Int(header.max_subscribers),
      maxGroups: Int(header.max_groups), maxProducers: Int(header.max_producers),
      claimTimeout: .nanoseconds(Int64(truncatingIfNeeded: header.claim_timeout)),
      indexSpacing: Int(header.index_spacing), checksum: header.options & 1 != 0,
      prefault: header.options & 4 != 0, hugePages: header.options & 2 != 0,
      storage: Self.storage(header), sync: Self.sync(header),
      stateDirectory: unsafe header.state_dir_bytes == 0
        ? .none
        : .path(
          withUnsafeBytes(of: header.state_dir) { bytes in
            unsafe String(
              decoding: bytes.prefix(Int(header.state_dir_bytes)).prefix { $0 != 0 }, as: UTF8.self)
          }),
      checkpointEvery: .nanoseconds(Int64(truncatingIfNeeded: header.checkpoint_every)))
  }
}

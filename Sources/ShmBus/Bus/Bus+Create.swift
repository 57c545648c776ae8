import CShmBus
import Glibc

extension Bus {
  /// Creates a bus and opens it.
  ///
  /// All of its memory is allocated now, so that nobody dies of a full `/dev/shm` later. Creation is all or
  /// nothing: what a creator left that was killed half way is recognised by its missing lock and replaced.
  ///
  /// - Parameters:
  ///   - name: 1 to 64 letters, digits, `-` or `_`.
  ///   - configuration: what it is to be like.
  ///   - key: what everybody who opens it must present; nil for nothing.
  ///   - keepsHouse: as for ``open(_:key:keepsHouse:)``.
  /// - Throws: ``BusError`` `.usage` for what cannot be; `.cannotCreate` if the bus exists, or could be
  ///   restored, or memory is short; `.permission` for a group that is not yours to give; `.tryAgain` if
  ///   somebody is creating or removing it right now.
  public static func create(
    _ name: String, _ configuration: BusConfiguration = BusConfiguration(),
    key: AccessKey? = nil, keepsHouse: Bool = true
  ) throws(BusError) -> Bus {
    let busName = try BusName(name)
    try configuration.validate()
    let resolved = configuration.resolved
    try resolved.validate()
    let nodes = try resolved.numa.nodes(on: NUMATopology.host)
    let bus = try Creation(busName, resolved, key, nodes: nodes).run()
    if resolved.stateDirectory != .none {
      // Where that fails the bus works all the same; `stat` and `doctor` tell.
      try? bus.checkpoint()
    }
    if keepsHouse { bus.keepHouse() }
    return bus
  }
}

/// One attempt to create a bus.
///
/// ```
///   control segment, exclusively ─ lock it ─ still ours? ─ allocate ─ partitions ─ tables ─ mode ─ ready
///                                  `──────── held until ready; the kernel drops it if we die ────────┘
/// ```
struct Creation {
  let name: BusName
  let configuration: BusConfiguration
  private let key: AccessKey?
  private let access: SegmentAccess
  /// Partitions of a new bus go onto these in turn; none: wherever the kernel puts them.
  private let nodes: [Int]
  /// What it goes on from, if it is a restore.
  let checkpoint: Checkpoint?

  /// Partitions that are there already, in files; nil makes new ones.
  let adoption: Adoption?

  init(
    _ name: BusName, _ configuration: BusConfiguration, _ key: AccessKey?, nodes: [Int] = [],
    adopting adoption: Adoption? = nil, from checkpoint: Checkpoint? = nil
  ) {
    var configuration = configuration
    if configuration.publishGroup == nil, configuration.subscribeGroup == nil {
      configuration.group = configuration.group ?? getegid()
    }
    self.name = name
    self.configuration = configuration
    self.key = key
    self.nodes = nodes
    access = SegmentAccess(configuration)
    self.checkpoint = checkpoint
    self.adoption = adoption
  }

  func run() throws(BusError) -> Bus {
    // Ends: each round either creates the segment, clears a leftover, or throws.
    for _ in 0..<16 {
      let memory: SharedMemory
      do throws(SystemError) { memory = try SharedMemory.create(name.control) } catch {
        guard error.code == EEXIST else { throw cannotCreate(error) }
        try Self.clearLeftover(name)
        continue
      }
      do throws(any Error) { if let bus = try build(memory) { return bus } } catch {
        throw .from(error, cannotCreate)
      }
    }
    throw BusError(
      .tryAgain, "bus '\(name.name)' is being created and removed by others all the time; try again"
    )
  }

  private func cannotCreate(_ cause: SystemError) -> BusError {
    BusError(.cannotCreate, "cannot create bus '\(name.name)'", cause)
  }

  /// Builds the bus in a control segment this process has just created. Nil if somebody took it for a
  /// leftover between its creation and its lock.
  func build(_ control: consuming SharedMemory) throws -> Bus? {
    let number = control.descriptor.number
    guard try FileLock.acquire(SHMBUS_LOCK_ADMIN, of: number),
      try control.identity() == SharedMemory.identity(of: name.control)
    else { return nil }
    let mapping: Mapping
    do {
      if checkpoint == nil { try checkState() }
      try checkSpace(
        partitions: adoption == nil ? configuration.partitions : 0,
        control: configuration.controlBytes)
      mapping = try fill(control)
    } catch {
      // Still under the lock: without it the names could be another creator's by now.
      Self.unlinkAll(name)
      if let system = error as? SystemError, system.code == ENOSPC || system.code == ENOMEM {
        // By the name of what could not be had: a file, or an object.
        let isFile = system.subject.contains(configuration.location.directory + "/")
        throw outOfSpace(bytesNeeded, in: isFile ? configuration.location : .memory, system)
      }
      throw error
    }
    let generation = unsafe mapping.base.load(as: shmbus_control_header.self).generation
    let bus = Bus(
      name, configuration, control: control, mapping: mapping, generation: generation)
    bus.map.state.storeRelease(ControlState.ready)  // S1, partner: S2
    try FileLock.release(SHMBUS_LOCK_ADMIN, of: number)
    return bus
  }

  /// Refuses to begin anew where the state of a bus of this name is kept: its offsets and groups would be
  /// lost without a word.
  private func checkState() throws(BusError) {
    guard case .path(let directory) = configuration.stateDirectory else { return }
    let place = StatePlace(directory, namespace: name.namespace, name: name.name)
    guard place.hasState else { return }
    throw BusError(
      .cannotCreate,
      "bus '\(name.name)' has state in \(place.path): bring it back with 'shmctl restore \(name.name)', or "
        + "give it up with 'shmctl remove \(name.name)'")
  }

  private var bytesNeeded: Int {
    configuration.controlBytes + configuration.partitions * configuration.partitionBytes
  }

  func checkSpace(partitions: Int, control: Int = 0) throws {
    let bytes = partitions * configuration.partitionBytes
    let location = configuration.location
    let needs =
      location == .memory
      ? [(SegmentLocation.memory, control + bytes)] : [(.memory, control), (location, bytes)]
    for (place, bytes) in needs where try SharedMemory.space(in: place).free < bytes {
      throw outOfSpace(bytes, in: place, nil)
    }
  }

  private func outOfSpace(
    _ bytes: Int, in place: SegmentLocation, _ cause: SystemError?
  ) -> BusError {
    let free = (try? SharedMemory.space(in: place).free) ?? 0
    if case .files(let directory) = place {
      return BusError(
        .cannotCreate,
        "the partitions of bus '\(name.name)' need \(bytes) bytes and the file system of \(directory) has "
          + "\(free) free; use fewer --slots or a smaller --slot-size ('shmctl plan' computes), or "
          + "another --storage", cause)
    }
    return BusError(
      .cannotCreate,
      "bus '\(name.name)' needs \(bytes) bytes of shared memory and /dev/shm has \(free) free; "
        + "use fewer --slots or a smaller --slot-size ('shmctl plan' computes), remove a bus, or "
        + "enlarge it with 'mount -o remount,size=... /dev/shm'", cause)
  }

  private func fill(_ control: borrowing SharedMemory) throws -> Mapping {
    try control.allocate(byteCount: configuration.controlBytes)
    let mapping = try Mapping(
      control.descriptor, byteCount: configuration.controlBytes, writable: true,
      populate: configuration.prefault)
    let generation = adoption?.generation ?? UInt64.random(in: 1...UInt64.max)
    let map = unsafe ControlMap(mapping.base, configuration.controlLayout)
    unsafe writeHeader(map.header, generation)
    writeTables(map)
    if let checkpoint { Restoration(checkpoint, map).fillTables() }
    if let adoption {
      for partition in 0..<configuration.partitions {
        adoption.recovered.append(try adoptPartition(partition, generation, map))
      }
    } else {
      try checkNoFiles()
      // Before the first file: what is left if we die here can be found and cleared away.
      unsafe configuration.noteStorage(in: map.header)
      for partition in 0..<configuration.partitions {
        try createPartition(partition, generation, map)
      }
    }
    try share(control, access.control)
    // After the last one: if we die before, nobody takes the files for what we left half-made.
    unsafe configuration.noteStorage(in: map.header)
    return mapping
  }

  private func writeHeader(
    _ header: UnsafeMutablePointer<shmbus_control_header>, _ generation: UInt64
  ) {
    let layout = configuration.controlLayout
    unsafe header.pointee.magic = SHMBUS_CONTROL_MAGIC
    unsafe header.pointee.layout_version = UInt32(SHMBUS_LAYOUT_VERSION)
    unsafe header.pointee.header_bytes = UInt32(MemoryLayout<shmbus_control_header>.size)
    unsafe header.pointee.generation = generation
    unsafe withUnsafeMutableBytes(of: &header.pointee.name) { field in
      unsafe field.copyBytes(from: name.name.utf8)
    }
    unsafe header.pointee.segment_bytes = UInt64(layout.segmentBytes)
    unsafe header.pointee.created = Clock.realtime()
    unsafe header.pointee.slots = UInt64(configuration.slots)
    unsafe header.pointee.slot_size = UInt32(configuration.slotSize)
    unsafe header.pointee.max_partitions = UInt32(configuration.maxPartitions)
    unsafe header.pointee.max_publishers = UInt32(configuration.maxPublishers)
    unsafe header.pointee.max_subscribers = UInt32(configuration.maxSubscribers)
    unsafe header.pointee.max_groups = UInt32(configuration.maxGroups)
    unsafe header.pointee.max_producers = UInt32(configuration.maxProducers)
    unsafe header.pointee.index_spacing = UInt32(configuration.indexSpacing)
    unsafe header.pointee.when_full = configuration.whenFull.rawValue
    unsafe header.pointee.claim_timeout = configuration.claimTimeout.nanoseconds
    unsafe header.pointee.options =
      (configuration.checksum ? 1 : 0) | (configuration.hugePages ? 2 : 0)
      | (configuration.prefault ? 4 : 0)
    unsafe header.pointee.partitions = UInt64(configuration.partitions)
    unsafe header.pointee.owner_uid = geteuid()
    unsafe header.pointee.owner_gid = access.control.group
    unsafe header.pointee.mode = configuration.mode
    unsafe header.pointee.publish_gid = configuration.publishGroup ?? .max
    unsafe header.pointee.subscribe_gid = configuration.subscribeGroup ?? .max
    unsafe header.pointee.numa_policy = configuration.numa.code
    unsafe writeKey(header)
    unsafe header.pointee.partition_table = UInt64(layout.partitionTable)
    unsafe header.pointee.endpoint_table = UInt64(layout.endpointTable)
    unsafe header.pointee.head_table = UInt64(layout.headTable)
    unsafe header.pointee.group_table = UInt64(layout.groupTable)
    unsafe header.pointee.producer_table = UInt64(layout.producerTable)
    unsafe header.pointee.sequence_table = UInt64(layout.sequenceTable)
    unsafe header.pointee.quarantine_table = UInt64(layout.quarantineTable)
    unsafe header.pointee.identity = checkpoint?.image.identity ?? UInt64.random(in: 1...UInt64.max)
    unsafe header.pointee.checkpoint_every = configuration.checkpointEvery.nanoseconds
    if let checkpoint { unsafe Restoration.fill(header, from: checkpoint) }
    guard case .path(let directory) = configuration.stateDirectory else { return }
    unsafe header.pointee.state_dir_bytes = UInt32(directory.utf8.count)
    unsafe withUnsafeMutableBytes(of: &header.pointee.state_dir) { field in
      unsafe field.initializeMemory(as: UInt8.self, repeating: 0)
      unsafe field.copyBytes(from: directory.utf8)
    }
  }

  /// Where a partition begins: above every offset that was ever handed out in it.
  private func origin(of partition: Int) -> Offset {
    guard let checkpoint, checkpoint.image.partitions.indices.contains(partition) else { return 0 }
    return checkpoint.ceiling(of: partition)
  }

  private func writeKey(_ header: UnsafeMutablePointer<shmbus_control_header>) {
    guard let key else { return }
    let salt = (0..<16).map { _ in UInt8.random(in: 0...255) }
    let digest = key.digest(salt: salt)
    unsafe withUnsafeMutableBytes(of: &header.pointee.key_salt) { unsafe $0.copyBytes(from: salt) }
    unsafe withUnsafeMutableBytes(of: &header.pointee.key_digest) {
      unsafe $0.copyBytes(from: digest)
    }
  }

  /// What is not zero in a table nobody has used: heads hold nothing, ceilings do not bind. Nodes are
  /// settled for partitions that will be added, too.
  private func writeTables(_ map: ControlMap) {
    for partition in 0..<configuration.maxPartitions {
      map.partition(partition).ceiling.storeRelaxed(Packed.offsetLimit)
      let node = nodes.isEmpty ? UInt32.max : UInt32(nodes[partition % nodes.count])
      unsafe map.partition(partition).fields.pointee.node = node
      for row in 0..<map.layout.headRows {
        map.head(row, partition: partition).head.storeRelaxed(Packed.none)
      }
    }
  }

  func createPartition(
    _ partition: Int, _ generation: UInt64, _ map: ControlMap, access: FileAccess? = nil,
    owner: UInt32? = nil
  ) throws {
    let access = access ?? self.access.partition
    let layout = configuration.partitionLayout
    let segment = configuration.location.name(name.partition(partition))
    // A creator that died may have left one; we hold the bus's lock.
    if configuration.location == .memory || isOurs(segment, generation) {
      do { _ = try SharedMemory.unlink(segment) } catch {
        throw BusError.cannotUnlink(segment, error)
      }
    }
    let memory = try SharedMemory.create(segment)
    let row = map.partition(partition)
    let placed = try PlacedMemory(
      memory, byteCount: layout.segmentBytes,
      PlacedMemory.Wish(
        node: row.node, hugePages: configuration.hugePages, populated: configuration.prefault))
    let base = unsafe placed.mapping.base
    let header = unsafe base.assumingMemoryBound(to: shmbus_partition_header.self)
    unsafe header.pointee = shmbus_partition_header()
    unsafe header.pointee.magic = SHMBUS_PARTITION_MAGIC
    unsafe header.pointee.layout_version = UInt32(SHMBUS_LAYOUT_VERSION)
    unsafe header.pointee.header_bytes = UInt32(MemoryLayout<shmbus_partition_header>.size)
    unsafe header.pointee.generation = generation
    unsafe header.pointee.partition = UInt32(partition)
    unsafe header.pointee.node = placed.isBound ? row.fields.pointee.node : .max
    unsafe header.pointee.slots = UInt64(layout.slots)
    unsafe header.pointee.slot_size = UInt32(layout.slotSize)
    unsafe header.pointee.max_publishers = UInt32(layout.maxPublishers)
    unsafe header.pointee.index_spacing = UInt32(layout.indexSpacing)
    unsafe header.pointee.index_entries = UInt32(layout.indexEntries)
    unsafe header.pointee.segment_bytes = UInt64(layout.segmentBytes)
    unsafe header.pointee.cells_offset = UInt64(layout.cellsOffset)
    unsafe header.pointee.index_offset = UInt64(layout.indexOffset)
    unsafe header.pointee.headers_offset = UInt64(layout.headersOffset)
    unsafe header.pointee.payload_offset = UInt64(layout.payloadOffset)
    unsafe access.write(to: &header.pointee)
    let origin = origin(of: partition)
    unsafe header.pointee.origin = origin
    unsafe header.pointee.cursor = Packed.cursor(origin, claimant: Packed.nobody)
    // Publishers that are attached already may not have noticed it when the first gate is computed.
    let ring = unsafe Ring(partitionBase: base, layout)
    for publisher in 0..<layout.maxPublishers {
      ring.publisherCell(UInt64(publisher)).floor.storeRelaxed(Packed.none)
    }
    let fields = unsafe row.fields
    unsafe fields.pointee.state = 1
    unsafe fields.pointee.segment_bytes = UInt64(layout.segmentBytes)
    unsafe fields.pointee.placement = placed.code
    unsafe fields.pointee.huge_pages = UInt32(clamping: placed.hugePageCount)
    unsafe fields.pointee.origin = origin
    try share(memory, access)
    if let owner { try memory.setOwner(owner) }
    if configuration.storage == nil {
      // Not covered by a checkpoint yet: the first one is about to be written.
      let ceiling = min(origin + Ceiling.step, Packed.offsetLimit)
      row.ceiling.storeRelease(
        configuration.stateDirectory == .none ? Packed.offsetLimit : ceiling)  // N1
    } else {
      let ceiling = StoredRing.leeway(ring.capacity)
      unsafe header.pointee.ceiling = ceiling
      try memory.synchronize()
      row.ceiling.storeRelaxed(ceiling)
    }
  }

  private func share(_ memory: borrowing SharedMemory, _ access: FileAccess) throws {
    do { try access.apply(to: memory.descriptor, named: memory.name) } catch {
      throw BusError.cannotShare(error, access)
    }
  }

  /// Clears away what a dead creator or remover left under this name; throws if the bus is somebody's.
  static func clearLeftover(_ name: BusName) throws(BusError) {
    do throws(any Error) {
      let memory = try SharedMemory.open(name.control, writable: true)
      guard try FileLock.acquire(SHMBUS_LOCK_ADMIN, of: memory.descriptor.number) else {
        throw BusError(
          .tryAgain, "bus '\(name.name)' is being created or removed by somebody; try again")
      }
      guard try memory.identity() == SharedMemory.identity(of: name.control) else { return }
      guard try isLeftover(memory, name) else {
        throw BusError(
          .cannotCreate,
          "bus '\(name.name)' exists already; open it, or remove it with 'shmctl remove \(name.name)'"
        )
      }
      try removeState(of: memory, name)
      try clearAway(name)
    } catch {
      if (error as? SystemError)?.code == ENOENT { return }
      throw .from(error) { .cannotOpen(name.control, $0) }
    }
  }

  /// A remover that died half way may have left the state of what it removed.
  private static func removeState(of memory: borrowing SharedMemory, _ name: BusName) throws {
    let size = MemoryLayout<shmbus_control_header>.size
    guard try memory.byteCount() >= size else { return }
    let mapping = try Mapping(memory.descriptor, byteCount: size, writable: false, populate: false)
    guard unsafe SharedWord(mapping.base, at: 24).loadAcquire() == ControlState.removed,
      case .path(let directory) = BusConfiguration(
        unsafe mapping.base.load(as: shmbus_control_header.self)
      ).stateDirectory
    else { return }
    try StatePlace(directory, namespace: name.namespace, name: name.name).remove()
  }

  /// Whether a control segment whose lock is free never became ready, or was being removed.
  static func isLeftover(_ memory: borrowing SharedMemory, _ name: BusName) throws -> Bool {
    let size = MemoryLayout<shmbus_control_header>.size
    guard try memory.byteCount() >= size else { return true }
    let mapping = try Mapping(
      memory.descriptor, byteCount: size, writable: false, populate: false)
    let header = unsafe mapping.base.assumingMemoryBound(to: shmbus_control_header.self)
    let magic = unsafe header.pointee.magic
    guard magic != 0 else { return true }
    guard magic == SHMBUS_CONTROL_MAGIC else {
      throw BusError.wrong(name.control, "magic", found: magic, expected: SHMBUS_CONTROL_MAGIC)
    }
    let state = unsafe SharedWord(mapping.base, at: 24).loadAcquire()
    return state == ControlState.creating || state == ControlState.removed
  }

  /// Partitions first: while the control segment is there, what is left can be found and removed.
  static func unlinkAll(_ name: BusName) {
    let names = (try? SharedMemory.names(withPrefix: name.segmentPrefix)) ?? []
    for segment in name.storedSegments { _ = try? SharedMemory.unlink(segment) }
    for segment in names where segment != name.control { _ = try? SharedMemory.unlink(segment) }
    _ = try? SharedMemory.unlink(name.control)
  }

  /// The same, where it must not be left half done.
  static func clearAway(_ name: BusName) throws(BusError) {
    try checkRemovable(name)
    unlinkAll(name)
    do { _ = try SharedMemory.unlink(name.control) } catch {
      throw .cannotUnlink(name.control, error)
    }
  }

  /// Refuses what the kernel will refuse, before anybody is told that the bus is gone.
  static func checkRemovable(_ name: BusName) throws(BusError) {
    guard SharedMemory.onlyOwnersRemove, geteuid() != 0,
      let owner = try? SharedMemory.ownership(of: name.control)?.uid, owner != geteuid()
    else { return }
    let refusal = SystemError(call: "shm_unlink", subject: name.control, code: EPERM)
    throw .cannotUnlink(name.control, refusal)
  }
}

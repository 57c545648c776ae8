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
  let key: AccessKey?
  let access: SegmentAccess
  /// Partitions of a new bus go onto these in turn; none: wherever the kernel puts them.
  let nodes: [Int]
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
    // Files with messages are worth more than a checkpoint that nobody can read.
    guard place.hasState, adoption == nil || place.newest != nil else { return }
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
    let readable =
      if let adoption {
        try adoptPartitions(adoption, generation, map)
      } else {
        try createPartitions(generation, map)
      }
    if let checkpoint { Restoration(checkpoint, map).fillTables(readable) }
    try share(control, access.control)
    // After the last one: if we die before, nobody takes the files for what we left half-made.
    unsafe configuration.noteStorage(in: map.header)
    return mapping
  }
}

import CShmBus
import Glibc

extension Bus {
  /// Brings back a bus whose memory is gone, from its checkpoint: same name, geometry, modes, groups and
  /// producers. Its messages are lost, but those of a stored bus, which are taken from its files as
  /// ``adopt(_:storage:_:key:keepsHouse:)`` does. Offsets go on above every one that was ever handed out;
  /// each group is told what it lost, once, by a ``SubscribeError/gap(_:)``.
  ///
  /// - Parameters:
  ///   - name: the bus's.
  ///   - directory: the state directory it is in; it stays there.
  ///   - storage: where a stored bus's partitions are, if they have moved.
  ///   - key: its access key, where it was created with one.
  ///   - keepsHouse: as for ``open(_:key:keepsHouse:)``.
  /// - Throws: ``BusError`` `.notFound` if there is no checkpoint; `.damaged` if neither copy is whole, or
  ///   a stored bus's files are not; `.permission` if the state or the key is not yours; `.cannotCreate`
  ///   if the bus is in memory, or memory is short; `.tryAgain` while a process that still uses the lost
  ///   memory keeps house there.
  public static func restore(
    _ name: String, from directory: BusConfiguration.StateDirectory = .standard,
    storage: String? = nil, key: AccessKey? = nil, keepsHouse: Bool = true
  ) throws(BusError) -> Bus {
    let busName = try BusName(name)
    var asked = BusConfiguration()
    asked.stateDirectory = directory
    try asked.validate()
    guard case .path(let path) = asked.resolved.stateDirectory else { throw .noSuchBus(name) }
    let place = StatePlace(path, namespace: busName.namespace, name: name)
    guard place.hasState else {
      throw BusError(.notFound, "there is no checkpoint of bus '\(name)' in \(place.path)")
    }
    let bus = try restore(busName, place, key, storage: storage)
    if keepsHouse { bus.keepHouse() }
    return bus
  }

  /// A bus that is not in memory, or of which somebody died while he restored it; nil if it has no
  /// checkpoint.
  static func restoreIfGone(_ name: BusName, _ key: AccessKey?) throws(BusError) -> Bus? {
    guard let place = standardPlace(name), place.hasState else { return nil }
    do { return try restore(name, place, key) } catch {
      // Somebody else was quicker.
      guard error.code == .cannotCreate, let bus = try? open(name) else { throw error }
      return bus
    }
  }

  private static func restore(
    _ name: BusName, _ place: StatePlace, _ key: AccessKey?, storage: String? = nil
  ) throws(BusError) -> Bus {
    let bus = try bringBack(name, place, key, storage)
    // Covers the new offsets; the folder is locked by one at a time.
    try? bus.checkpoint()
    return bus
  }

  private static func bringBack(
    _ name: BusName, _ place: StatePlace, _ key: AccessKey?, _ storage: String?
  ) throws(BusError) -> Bus {
    let files: CheckpointFiles
    do { files = try CheckpointFiles(place.path, owner: geteuid()) } catch {
      throw House.sentence(name.name, place, error)
    }
    // Locked until the bus is there: nobody else writes over what is being read.
    defer { withExtendedLifetime(files) {} }
    guard let checkpoint = files.newest else { throw damaged(name, place, files.faults) }
    try AccessKey.check(key, checkpoint.header, name.name)
    var configuration = checkpoint.configuration
    configuration.stateDirectory = .path(place.directory)
    if let storage {
      guard configuration.storage != nil else {
        throw BusError(.usage, "bus '\(name.name)' is kept in memory only: it has no --storage")
      }
      configuration.storage = storage
    }
    do { try configuration.validate() } catch { throw damaged(name, place, error.message) }
    // Another host may have other nodes: then its kernel decides.
    let nodes = (try? configuration.numa.nodes(on: NUMATopology.host)) ?? []
    let adoption = configuration.storage.map { _ in Adoption() }
    do throws(any Error) {
      try adoption?.survey(name, &configuration, from: checkpoint)
    } catch { throw .from(error) { .cannotOpen(configuration.storage ?? place.path, $0) } }
    return try Creation(
      name, configuration, nil, nodes: nodes, adopting: adoption, from: checkpoint
    ).run()
  }

  private static func damaged(
    _ name: BusName, _ place: StatePlace, _ evidence: String
  ) -> BusError {
    BusError(
      .damaged,
      "both copies of the checkpoint of bus '\(name.name)' in \(place.path) are damaged, so it cannot be "
        + "restored (\(evidence)): put a backup of the folder there, or look at what is left with 'dump-shm "
        + "\(place.path)/meta.0'; 'shmctl adopt \(name.name) --storage DIR' brings a stored bus back without "
        + "its groups; 'shmctl remove \(name.name)' gives the state up, groups and offsets with it")
  }
}

extension Checkpoint {
  /// The control header as it was.
  var header: shmbus_control_header { image.header ?? shmbus_control_header() }

  /// As the control header tells it; not validated.
  var configuration: BusConfiguration {
    var found = BusConfiguration(header)
    found.partitions = image.partitions.count
    found.numa = NUMAPolicy(
      code: header.numa_policy, nodes: image.partitions.indices.map { node(of: $0) })
    return found
  }

  private func node(of partition: Int) -> Int? {
    let place = MemoryLayout<shmbus_partition_row>.offset(of: \.node) ?? 0
    let node = unsafe image.partitions[partition].row.withUnsafeBytes {
      unsafe $0.loadUnaligned(fromByteOffset: place, as: UInt32.self)
    }
    return node == .max ? nil : Int(node)
  }
}

/// Fills the tables of a control segment that nobody else can open yet, from a checkpoint.
struct Restoration {
  private let image: CheckpointImage
  private let map: ControlMap

  init(_ checkpoint: Checkpoint, _ map: ControlMap) {
    image = checkpoint.image
    self.map = map
  }

  /// What a header says beyond the configuration.
  static func fill(
    _ header: UnsafeMutablePointer<shmbus_control_header>, from checkpoint: Checkpoint
  ) {
    let old = checkpoint.header
    unsafe header.pointee.created = old.created
    unsafe header.pointee.key_salt = old.key_salt
    unsafe header.pointee.key_digest = old.key_digest
  }

  /// Groups with their heads, producers with their sequences, and where partitions were trimmed.
  ///
  /// - Parameter readable: what each partition has from before, as far as its window reaches.
  func fillTables(_ readable: [Range<Offset>]) {
    for (partition, image) in image.partitions.enumerated() {
      let trimmed = CheckpointImage.word(image.row, CheckpointImage.RowField.start.rawValue)
      _ = map.partition(partition).start.raise(to: min(trimmed, readable[partition].upperBound))
    }
    for group in image.groups { fill(group, readable) }
    for producer in image.producers {
      let size = CheckpointImage.producerRowBytes
      put(producer.bytes, at: map.layout.producerTable + producer.row * size)
      // Its owner is gone.
      unsafe SharedWord(map.base, at: map.layout.producerTable + producer.row * size + 8)
        .storeRelease(0)
      for partition in image.partitions.indices {
        let bytes = CheckpointImage.sequenceBytes
        let place = partition * map.layout.maxProducers + producer.row
        put(
          Array(producer.perPartition[(partition * bytes)..<((partition + 1) * bytes)]),
          at: map.layout.sequenceTable + place * bytes)
      }
    }
  }

  private func fill(_ group: CheckpointImage.RowImage, _ readable: [Range<Offset>]) {
    let size = CheckpointImage.groupRowBytes
    put(group.bytes, at: map.layout.groupTable + group.row * size)
    _ = map.groupRows.raise(to: UInt64(group.row + 1))
    // Whoever has seen an older generation computes anew.
    map.group(group.row).generation.add(1)
    for partition in image.partitions.indices {
      let place = partition * CheckpointImage.headBytes
      let old = CheckpointImage.word(group.perPartition, place)
      let lost = CheckpointImage.word(group.perPartition, place + 32)
      restore(
        map.head(group.row, partition: partition), readable[partition], head: old, lost: lost,
        moved: CheckpointImage.word(group.perPartition, place + 24))
    }
  }

  /// A head goes on where it was, or at the oldest that is there; what it missed is told to the first member
  /// that comes.
  private func restore(
    _ words: ControlMap.HeadRow, _ readable: Range<Offset>, head: UInt64, lost: UInt64,
    moved: UInt64
  ) {
    let offset = Packed.offset(head)
    // A broadcast group's own row has no heads.
    guard offset != Packed.noOffset else { return }
    let term = (Packed.term(head) &+ 1) & 4095
    let place = min(max(offset, readable.lowerBound), readable.upperBound)
    words.head.storeRelease(Packed.head(place, term: term))
    // Publishers went by a younger head than this, if the checkpoint is old.
    words.heldFrom.storeRelease(readable.upperBound)
    words.moved.storeRelease(moved)
    // What an earlier restore took away was not told yet.
    words.lostFrom.storeRelease(lost != 0 ? lost : offset < place ? offset + 1 : 0)
  }

  private func put(_ bytes: [UInt8], at place: Int) {
    unsafe (map.base + place).copyMemory(from: bytes, byteCount: bytes.count)
  }
}

import CShmBus
import Glibc

extension Bus {
  /// Brings back a stored bus from its partitions' files alone, after a reboot or on another host: makes a new
  /// control segment, and scrubs each ring down to the messages that are whole.
  ///
  /// Messages keep their offsets. What could not be brought back becomes a gap (``SubscribeError/Gap/Cause``
  /// `.lost`); publishing goes on above every offset that was ever handed out. Groups and their heads are
  /// not in these files.
  ///
  /// - Parameters:
  ///   - name: the bus's.
  ///   - storage: the directory.
  ///   - configuration: what the files do not tell: maxima, timeouts, what happens when the ring is full,
  ///     when to sync. Their geometry and mode are taken from the files.
  /// - Returns: the bus, and what became of each partition.
  /// - Throws: ``BusError`` `.notFound` if there are no such files; `.cannotCreate` if the bus exists;
  ///   `.damaged` if a file's header is; `.unavailable` while a process has a file mapped.
  public static func adopt(
    _ name: String, storage: String, _ configuration: BusConfiguration = BusConfiguration()
  ) throws(BusError) -> (bus: Bus, partitions: [RecoveredPartition]) {
    let busName = try BusName(name)
    let adoption = Adoption()
    var wanted = configuration
    wanted.storage = storage
    wanted.checksum = true
    do throws(any Error) { try adoption.survey(busName, &wanted) } catch {
      throw .from(error) { .cannotOpen(storage, $0) }
    }
    try wanted.validate()
    let bus = try Creation(busName, wanted, nil, adopting: adoption).run()
    return (bus, adoption.recovered)
  }
}

/// Partitions in files that become a bus's again.
final class Adoption {
  /// The bus's, as the files have it: they are the same bus.
  private(set) var generation: UInt64 = 0
  var recovered: [RecoveredPartition] = []

  /// Reads what the files tell of the bus.
  func survey(_ name: BusName, _ configuration: inout BusConfiguration) throws {
    let location = configuration.location
    let found = try SharedMemory.names(withPrefix: name.segmentPrefix + "p", in: location)
    let count = (0..<found.count).prefix { found.contains(location.name(name.partition($0))) }.count
    guard count > 0 else {
      throw BusError(
        .notFound,
        "\(location.directory) holds no partition of a bus '\(name.name)' in this namespace")
    }
    let users = SegmentUsers.of(found)
    guard users.isEmpty else {
      throw BusError(
        .unavailable,
        "\(users) still works on the partitions of bus '\(name.name)' in \(location.directory); end it first"
      )
    }
    let first = location.name(name.partition(0))
    let memory = try SharedMemory.open(first, writable: false)
    let header = try Self.header(memory)
    generation = header.generation
    configuration.partitions = count
    configuration.maxPartitions = max(count, configuration.maxPartitions)
    configuration.slots = Int(truncatingIfNeeded: header.slots)
    configuration.slotSize = Int(header.slot_size)
    configuration.maxPublishers = Int(header.max_publishers)
    configuration.indexSpacing = Int(header.index_spacing)
    configuration.mode = try memory.ownership().mode & 0o777
  }

  /// A partition file's header, if it is one.
  static func header(
    _ memory: borrowing SharedMemory
  ) throws -> shmbus_partition_header {
    let size = MemoryLayout<shmbus_partition_header>.size
    let found = try memory.byteCount()
    guard found >= size else {
      throw BusError.wrong(memory.name, "size", found: found, expected: "at least \(size)")
    }
    let mapping = try Mapping(memory.descriptor, byteCount: size, writable: false, populate: false)
    let header = unsafe mapping.base.load(as: shmbus_partition_header.self)
    guard header.magic == SHMBUS_PARTITION_MAGIC else {
      throw BusError.wrong(
        memory.name, "magic", found: header.magic, expected: SHMBUS_PARTITION_MAGIC)
    }
    guard header.layout_version == UInt32(SHMBUS_LAYOUT_VERSION) else {
      throw BusError.wrong(
        memory.name, "layout version", found: header.layout_version,
        expected: SHMBUS_LAYOUT_VERSION)
    }
    guard header.generation != 0 else {
      throw BusError.wrong(
        memory.name, "generation", found: 0, expected: "a stamp that is not 0")
    }
    return header
  }
}

extension Creation {
  /// Refuses to make a bus over files that may be somebody's messages.
  func checkNoFiles() throws {
    guard let storage = configuration.storage else { return }
    let found = try SharedMemory.names(withPrefix: name.segmentPrefix, in: configuration.location)
    guard found.isEmpty else {
      throw BusError(
        .cannotCreate,
        "\(storage) holds partitions of a bus '\(name.name)' already; bring it back with 'shmctl adopt "
          + "\(name.name) --storage \(storage)', or delete \(found[0]) and its like")
    }
  }

  /// Whether a file is a partition of this creation.
  func isOurs(_ segment: String, _ generation: UInt64) -> Bool {
    guard let memory = try? SharedMemory.open(segment, writable: false),
      let header = try? Adoption.header(memory)
    else { return false }
    return header.generation == generation
  }

  /// Scrubs one partition's file and makes it the bus's.
  func adoptPartition(
    _ partition: Int, _ generation: UInt64, _ map: ControlMap
  ) throws -> RecoveredPartition {
    let segment = configuration.location.name(name.partition(partition))
    let layout = configuration.partitionLayout
    let memory = try SharedMemory.open(segment, writable: true)
    let header = try Adoption.header(memory)
    try check(header, segment, partition, generation)
    let found = try memory.byteCount()
    guard found <= layout.segmentBytes else {
      throw BusError.wrong(segment, "size", found: found, expected: layout.segmentBytes)
    }
    // Cut short: what is missing is lost, and its place is needed again.
    if found < layout.segmentBytes { try memory.allocate(byteCount: layout.segmentBytes) }
    let mapping = try Mapping(
      ring: memory.descriptor, byteCount: layout.segmentBytes, repeating: layout.payloadBytes,
      writable: true, populate: false)
    let ring = unsafe Ring(partitionBase: mapping.base, layout)
    let row = map.partition(partition)
    let recovered = RingScrub.run(ring, partition: partition, ceiling: header.ceiling)
    let stored = unsafe StoredRing(
      mapping.base, ring, row, file: memory.descriptor.number)
    stored.lostFrom.storeRelaxed(recovered.lost.first?.lowerBound ?? 0)
    stored.lostTo.storeRelaxed(recovered.lost.last?.upperBound ?? 0)
    try memory.synchronize()
    let fields = unsafe row.base.assumingMemoryBound(to: shmbus_partition_row.self)
    unsafe fields.pointee.state = 1
    unsafe fields.pointee.node = .max
    unsafe fields.pointee.segment_bytes = UInt64(layout.segmentBytes)
    row.ceiling.storeRelaxed(header.ceiling)
    row.durable.storeRelaxed(header.ceiling)
    row.start.storeRelaxed(start(of: recovered, ring))
    return recovered
  }

  /// Where a ring was lapped, its oldest slots are the rest of a claim that began a lap before: 'earliest' means
  /// behind it, without a gap.
  private func start(of recovered: RecoveredPartition, _ ring: Ring) -> Offset {
    guard recovered.cursor > ring.capacity,
      recovered.lost.first?.lowerBound == recovered.cursor - ring.capacity
    else { return 0 }
    return recovered.oldest
  }

  private func check(
    _ header: shmbus_partition_header, _ segment: String, _ partition: Int, _ generation: UInt64
  ) throws(BusError) {
    guard header.generation == generation else {
      throw .wrong(segment, "generation", found: header.generation, expected: generation)
    }
    let layout = PartitionLayout(
      slots: Int(truncatingIfNeeded: header.slots), slotSize: Int(header.slot_size),
      maxPublishers: Int(header.max_publishers), indexSpacing: Int(header.index_spacing))
    guard layout == configuration.partitionLayout, Int(header.partition) == partition else {
      throw .wrong(
        segment, "geometry", found: "partition \(header.partition) \(layout)",
        expected: "partition \(partition) \(configuration.partitionLayout)")
    }
    guard (1...Packed.offsetLimit).contains(header.ceiling) else {
      throw .wrong(
        segment, "ceiling", found: header.ceiling, expected: "1 to \(Packed.offsetLimit)")
    }
  }
}

extension BusName {
  /// The files of a stored bus, by what its control segment says; those of another creation are left out.
  var storedSegments: [String] {
    let size = MemoryLayout<shmbus_control_header>.size
    guard let memory = try? SharedMemory.open(control, writable: false),
      let found = try? memory.byteCount(), found >= size,
      let mapping = try? Mapping(
        memory.descriptor, byteCount: size, writable: false, populate: false)
    else { return [] }
    let header = unsafe mapping.base.load(as: shmbus_control_header.self)
    guard header.magic == SHMBUS_CONTROL_MAGIC,
      let directory = BusConfiguration.storage(header), directory.hasPrefix("/")
    else { return [] }
    let location = SegmentLocation(directory: directory)
    let names = (try? SharedMemory.names(withPrefix: segmentPrefix, in: location)) ?? []
    return names.filter { segment in
      // One without a header is the work of a creator that died.
      guard let memory = try? SharedMemory.open(segment, writable: false),
        let partition = try? Adoption.header(memory)
      else { return true }
      return partition.generation == header.generation
    }
  }
}

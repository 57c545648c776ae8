import CShmBus
import Glibc

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

  /// Makes all files the bus's; returns what can be read of each.
  func adoptPartitions(
    _ adoption: Adoption, _ generation: UInt64, _ map: ControlMap
  ) throws -> [Range<Offset>] {
    let capacity = UInt64(configuration.slots)
    return try (0..<configuration.partitions).map { partition in
      let found = try adoptPartition(partition, generation, map)
      adoption.recovered.append(found)
      return (found.cursor - min(capacity, found.cursor))..<found.cursor
    }
  }

  /// Scrubs one partition's file and makes it the bus's.
  private func adoptPartition(
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
      ring: memory.descriptor, byteCount: layout.segmentBytes, repeating: layout.wrap,
      writable: true, populate: false)
    let ring = unsafe Ring(partitionBase: mapping.base, layout)
    let row = map.partition(partition)
    let recovered = RingScrub.run(ring, partition: partition, ceiling: header.ceiling)
    let stored = unsafe StoredRing(
      mapping.base, ring, row, file: memory.descriptor.number)
    stored.lostFrom.storeRelaxed(recovered.lost.first?.lowerBound ?? 0)
    stored.lostTo.storeRelaxed(recovered.lost.last?.upperBound ?? 0)
    try memory.synchronize()
    let fields = unsafe row.fields
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

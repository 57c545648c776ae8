import CShmBus
import Glibc

// The partition segments of a bus: at its creation, and when some are added.

extension Creation {
  /// Makes all of them; returns what can be read of each.
  func createPartitions(_ generation: UInt64, _ map: ControlMap) throws -> [Range<Offset>] {
    try checkNoFiles()
    // Before the first file: what is left if we die here can be found and cleared away.
    unsafe configuration.noteStorage(in: map.header)
    return try (0..<configuration.partitions).map { partition in
      try createPartition(partition, generation, map)
      return origin(of: partition)..<origin(of: partition)
    }
  }

  /// Where a partition begins: above every offset that was ever handed out in it.
  private func origin(of partition: Int) -> Offset {
    guard let checkpoint, checkpoint.image.partitions.indices.contains(partition) else { return 0 }
    return checkpoint.ceiling(of: partition)
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

  func share(_ memory: borrowing SharedMemory, _ access: FileAccess) throws {
    do { try access.apply(to: memory.descriptor, named: memory.name) } catch {
      throw BusError.cannotShare(error, access)
    }
  }
}

import CShmBus
import Glibc

/// Partitions in files that become a bus's again.
final class Adoption {
  /// The bus's, as the files have it: they are the same bus.
  private(set) var generation: UInt64 = 0
  var recovered: [RecoveredPartition] = []

  /// Reads what the files tell of the bus; with a checkpoint, whether they are its.
  func survey(
    _ name: BusName, _ configuration: inout BusConfiguration, from checkpoint: Checkpoint? = nil
  ) throws {
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
    if let checkpoint { try check(checkpoint, count, name, location) }
    configuration.partitions = count
    configuration.maxPartitions = max(count, configuration.maxPartitions)
    guard checkpoint == nil else { return }
    configuration.slots = Int(truncatingIfNeeded: header.slots)
    configuration.slotSize = Int(header.slot_size)
    configuration.maxPublishers = Int(header.max_publishers)
    configuration.indexSpacing = Int(header.index_spacing)
    configuration.mode = try memory.ownership().mode & 0o777
  }

  private func check(
    _ checkpoint: Checkpoint, _ count: Int, _ name: BusName, _ location: SegmentLocation
  ) throws(BusError) {
    let first = location.name(name.partition(0))
    guard checkpoint.image.generation == generation else {
      throw .wrong(
        first, "generation", found: generation,
        expected: "\(checkpoint.image.generation), the checkpoint's")
    }
    let expected = checkpoint.image.partitions.count
    guard count >= expected else {
      throw BusError(
        .damaged,
        "\(location.directory) has no partition \(count) of bus '\(name.name)', and its checkpoint has "
          + "\(expected) partitions: put the file back, or give the bus up with 'shmctl remove "
          + "\(name.name)'")
    }
  }

  /// A partition file's header, if it is one.
  static func header(_ memory: borrowing SharedMemory) throws -> shmbus_partition_header {
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

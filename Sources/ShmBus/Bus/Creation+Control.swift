import CShmBus
import Glibc

// The control segment of a bus that nobody else can open yet.

extension Creation {
  func writeHeader(
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
    // Before the files are noted: whoever finds this half made must not take them away.
    unsafe header.pointee.restored = checkpoint == nil && adoption == nil ? 0 : Clock.realtime()
    if let checkpoint { unsafe Restoration.fill(header, from: checkpoint) }
    guard case .path(let directory) = configuration.stateDirectory else { return }
    unsafe header.pointee.state_dir_bytes = UInt32(directory.utf8.count)
    unsafe withUnsafeMutableBytes(of: &header.pointee.state_dir) { field in
      unsafe field.initializeMemory(as: UInt8.self, repeating: 0)
      unsafe field.copyBytes(from: directory.utf8)
    }
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
  func writeTables(_ map: ControlMap) {
    for partition in 0..<configuration.maxPartitions {
      map.partition(partition).ceiling.storeRelaxed(Packed.offsetLimit)
      let node = nodes.isEmpty ? UInt32.max : UInt32(nodes[partition % nodes.count])
      unsafe map.partition(partition).fields.pointee.node = node
      for row in 0..<map.layout.headRows {
        map.head(row, partition: partition).head.storeRelaxed(Packed.none)
      }
    }
  }
}

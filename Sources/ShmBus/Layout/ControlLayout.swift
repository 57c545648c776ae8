import CShmBus

/// Where the tables lie in the control segment: each sized by the bus's configured maxima, in this order.
///
/// ```
///   header                                      1,024
///   partition rows    [partition]                 256
///   endpoint rows     [publishers, subscribers]   256
///   heads             [partition][groups, subscribers]  64
///   group rows        [group]                     256
///   producer rows     [producer]                  128
///   producer sequences [partition][producer]       16
///   quarantine rows   [partition][slots / 2, at most 64]  32
/// ```
struct ControlLayout: Equatable {
  let maxPartitions: Int
  let maxPublishers: Int
  let maxSubscribers: Int
  let maxGroups: Int
  let maxProducers: Int
  /// Of a partition.
  let slots: Int

  var endpointRows: Int { maxPublishers + maxSubscribers }
  var headRows: Int { maxGroups + maxSubscribers }
  /// Of a partition. The smallest ring has half as many rows, so that the control segment of its bus
  /// fits one page; from 128 slots on they are all there.
  var quarantineRows: Int { max(32, min(Int(SHMBUS_QUARANTINE_ROWS), slots / 2)) }

  var partitionTable: Int { MemoryLayout<shmbus_control_header>.size }
  var endpointTable: Int {
    partitionTable + maxPartitions * MemoryLayout<shmbus_partition_row>.size
  }
  var headTable: Int { endpointTable + endpointRows * MemoryLayout<shmbus_endpoint_row>.size }
  var groupTable: Int { headTable + maxPartitions * headRows * MemoryLayout<shmbus_head>.size }
  var producerTable: Int { groupTable + maxGroups * MemoryLayout<shmbus_group_row>.size }
  var sequenceTable: Int { producerTable + maxProducers * MemoryLayout<shmbus_producer_row>.size }
  var quarantineTable: Int {
    sequenceTable + maxPartitions * maxProducers * MemoryLayout<shmbus_producer_sequence>.size
  }
  var segmentBytes: Int {
    roundUp(
      quarantineTable + maxPartitions * quarantineRows * MemoryLayout<shmbus_quarantine_row>.size,
      to: PartitionLayout.pageSize)
  }
}

import CShmBus

/// Where everything lies in a partition segment.
///
/// ```
///   0          header (256 bytes; the cursor on its own pair of lines)
///   256        cells              max publishers x 128
///              sparse index       slots / spacing x 16
///   page       slot headers       slots x 64
///   page       payload cells      slots x slot size          their beginning is mapped again behind them
/// ```
struct PartitionLayout: Equatable {
  static let pageSize = 4096

  let slots: Int
  let slotSize: Int
  let maxPublishers: Int
  let indexSpacing: Int

  var indexEntries: Int { max(1, slots / indexSpacing) }
  var cellsOffset: Int { MemoryLayout<shmbus_partition_header>.size }
  var indexOffset: Int { cellsOffset + maxPublishers * MemoryLayout<shmbus_cell>.size }
  var headersOffset: Int {
    roundUp(indexOffset + indexEntries * MemoryLayout<shmbus_index_entry>.size, to: Self.pageSize)
  }
  var payloadOffset: Int { roundUp(headersOffset + slots * SlotHeader.size, to: Self.pageSize) }
  var payloadBytes: Int { slots * slotSize }
  var segmentBytes: Int { payloadOffset + payloadBytes }

  /// The cells that are mapped once more behind the last one: the rest of whatever begins before it.
  var wrap: Range<Int> {
    payloadOffset..<payloadOffset + roundUp(largestMessage, to: Self.pageSize)
  }

  /// The longest claim: a quarter of the ring, and what twelve bits can say.
  var longestSpan: Int { min(Int(Packed.longestSpan), slots / 4) }
  /// The largest message with its key, in bytes.
  var largestMessage: Int { longestSpan * slotSize }
}

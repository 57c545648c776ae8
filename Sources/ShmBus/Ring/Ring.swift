import CShmBus

/// One partition as one process sees it: where its words are. The heart of the bus, with no names, files or
/// clocks; valid while the two mappings are.
///
/// ```
///            gate                      cursor
///             v                          v
///   ... free | kept for readers | claimed | free ...        slots, in offsets; capacity of them exist
/// ```
///
/// Publishers move the cursor (`Ring+Claim`), readers follow the slots' control words (`Ring+Read`), the gate
/// keeps the one from lapping the other (`Ring+Gate`), and whoever finds a dead publisher's claim decides it
/// (`Ring+Recover`).
@frozen @safe @usableFromInline
struct Ring {
  @usableFromInline let cursor: SharedWord
  @usableFromInline let headers: UnsafeMutableRawPointer
  @usableFromInline let payload: UnsafeMutableRawPointer
  @usableFromInline let cells: UnsafeMutableRawPointer
  @usableFromInline let index: UnsafeMutableRawPointer
  /// How many publishers' cells there are.
  let publishers: UInt64
  @usableFromInline let capacity: UInt64
  @usableFromInline let mask: UInt64
  @usableFromInline let shift: UInt64
  @usableFromInline let slotSize: UInt64
  /// The most bytes a message can have, whatever a control word says.
  @usableFromInline let largestMessage: UInt64
  /// Offsets between two index entries, less one: spacing is a power of two.
  @usableFromInline let spacingMask: UInt64
  @usableFromInline let indexMask: UInt64
  /// The first offset of this creation: nothing below it was ever in this memory.
  let origin: Offset

  init(partitionBase base: UnsafeMutableRawPointer, _ layout: PartitionLayout) {
    unsafe cursor = SharedWord(base, at: 128)
    unsafe headers = base + layout.headersOffset
    unsafe payload = base + layout.payloadOffset
    unsafe cells = base + layout.cellsOffset
    unsafe index = base + layout.indexOffset
    publishers = UInt64(layout.maxPublishers)
    capacity = UInt64(layout.slots)
    mask = capacity - 1
    shift = UInt64(capacity.trailingZeroBitCount)
    slotSize = UInt64(layout.slotSize)
    largestMessage = UInt64(layout.largestMessage)
    spacingMask = UInt64(layout.indexSpacing) - 1
    indexMask = UInt64(layout.indexEntries) - 1
    // Constant since before the segment could be opened.
    let header = unsafe base.assumingMemoryBound(to: shmbus_partition_header.self)
    unsafe origin = min(header.pointee.origin, Packed.offsetLimit)
  }

  @inlinable @inline(__always)
  func lap(_ offset: Offset) -> UInt64 { Lap.of(offset, shift: shift) }

  @inlinable @inline(__always)
  func header(_ offset: Offset) -> SlotHeader {
    unsafe SlotHeader(headers + Int(truncatingIfNeeded: (offset & mask) &<< 6))
  }

  /// The payload cell of an offset; a span goes on behind it, across the wrap too
  /// (`PartitionLayout.wrap`).
  @inlinable @inline(__always)
  func cell(_ offset: Offset) -> UnsafeMutableRawPointer {
    unsafe payload + Int(truncatingIfNeeded: (offset & mask) &* slotSize)
  }

  /// How many slots a message of this many bytes, key included, takes.
  @inlinable @inline(__always)
  func span(of byteCount: Int) -> UInt64 {
    rarely(byteCount > Int(truncatingIfNeeded: slotSize))
      ? (UInt64(truncatingIfNeeded: byteCount) &+ slotSize &- 1) / slotSize : 1
  }

  /// How many bytes a message of this span can have.
  @inlinable @inline(__always)
  func room(inSpan span: UInt64) -> Int {
    Int(truncatingIfNeeded: min(span &* slotSize, largestMessage))
  }

  /// A publisher's cell in this partition; below `publishers`, whatever a word in memory says.
  @inlinable
  func publisherCell(_ publisher: UInt64) -> PublisherCell {
    unsafe PublisherCell(cells + Int(truncatingIfNeeded: publisher &<< 7))
  }

  /// Offsets as drawn at `shmbus_cell`. Only the owner stores.
  @frozen @safe @usableFromInline
  struct PublisherCell {
    @usableFromInline let announced: SharedWord
    @usableFromInline let floor: SharedWord
    @inlinable
    init(_ base: UnsafeMutableRawPointer) {
      unsafe announced = SharedWord(base)
      unsafe floor = SharedWord(base, at: 8)
    }
  }
}

import CShmBus

/// Reads a partition segment: its header, and with the geometry found there the ring.
struct PartitionInspector {
  let segment: Segment
  let reader: SegmentReader
  let header: shmbus_partition_header
  let partition: Int
  /// Nil where neither its own header nor the control segment's makes sense.
  let layout: PartitionLayout?
  let control: ControlInspector?
  var log: FindingLog

  init(_ segment: Segment, beside control: ControlInspector?) {
    self.segment = segment
    self.control = control
    reader = segment.reader
    log = FindingLog(segment.name)
    let header = reader.value(shmbus_partition_header.self, at: 0) ?? shmbus_partition_header()
    self.header = header
    if case .partition(let number?) = segment.kind {
      partition = number
    } else {
      partition = Int(header.partition)
    }
    let told = PartitionLayout(header)
    let size = reader.count
    // Whatever fits the size was right; a segment that was cut short still has a header to go by.
    if let told, told.segmentBytes == size {
      layout = told
    } else if let other = control?.partitionLayout, other.segmentBytes == size {
      layout = other
    } else if let repaired = PartitionLayout.repaired(header, byteCount: size) {
      layout = repaired
    } else {
      layout = told ?? control?.partitionLayout
    }
  }

  var cursorWord: UInt64 { reader.word(at: 128) ?? 0 }

  mutating func checkHeader() {
    guard reader.holds(0, MemoryLayout<shmbus_partition_header>.size) else {
      log.report(
        at: 0, "header", found: "\(reader.count) bytes",
        expected: "at least \(MemoryLayout<shmbus_partition_header>.size)")
      return
    }
    let h = header
    log.require(h.magic, SHMBUS_PARTITION_MAGIC, at: 0, "header.magic")
    log.require(h.layout_version, UInt32(SHMBUS_LAYOUT_VERSION), at: 8, "header.layout_version")
    log.require(
      h.header_bytes, UInt32(MemoryLayout<shmbus_partition_header>.size), at: 12,
      "header.header_bytes")
    if let control, control.hasHeader {
      log.require(h.generation, control.header.generation, at: 16, "header.generation")
    } else if h.generation == 0 {
      log.report(at: 16, "header.generation", found: "0", expected: "a stamp that is not 0")
    }
    log.require(h.partition, UInt32(clamping: partition), at: 24, "header.partition")
    log.require(h.segment_bytes, UInt64(reader.count), at: 56, "header.segment_bytes")
    guard let layout else {
      log.report(
        at: 32, "header geometry",
        found: "slots \(h.slots), slot_size \(h.slot_size), max_publishers \(h.max_publishers), "
          + "index_spacing \(h.index_spacing)",
        expected: "a geometry that can be; the ring cannot be read")
      return
    }
    log.require(h.slots, UInt64(layout.slots), at: 32, "header.slots")
    log.require(h.slot_size, UInt32(layout.slotSize), at: 40, "header.slot_size")
    log.require(h.max_publishers, UInt32(layout.maxPublishers), at: 44, "header.max_publishers")
    log.require(h.index_spacing, UInt32(layout.indexSpacing), at: 48, "header.index_spacing")
    log.require(h.index_entries, UInt32(layout.indexEntries), at: 52, "header.index_entries")
    log.require(h.cells_offset, UInt64(layout.cellsOffset), at: 64, "header.cells_offset")
    log.require(h.index_offset, UInt64(layout.indexOffset), at: 72, "header.index_offset")
    log.require(h.headers_offset, UInt64(layout.headersOffset), at: 80, "header.headers_offset")
    log.require(h.payload_offset, UInt64(layout.payloadOffset), at: 88, "header.payload_offset")
    checkAgainstControl(layout)
    if reader.count != layout.segmentBytes {
      log.report(
        at: min(reader.count, layout.segmentBytes), "segment", found: "\(reader.count) bytes",
        expected: "\(layout.segmentBytes)")
    }
  }

  private mutating func checkAgainstControl(_ layout: PartitionLayout) {
    guard let expected = control?.partitionLayout, expected != layout else { return }
    log.report(
      at: 32, "header geometry", found: "\(layout)",
      expected: "\(expected), as the control segment says")
  }

  /// The cursor against what bounds it.
  mutating func checkCursor(_ layout: PartitionLayout) {
    let word = cursorWord
    let claimant = Packed.claimant(word)
    if claimant != Packed.nobody, claimant >= UInt64(layout.maxPublishers) {
      log.report(
        at: 128, "header.cursor claimant", found: "\(claimant)",
        expected: "0 to \(layout.maxPublishers - 1), or 1023 for nobody")
    }
    let cursor = Packed.cursorOffset(word)
    if header.origin > cursor {
      log.report(
        at: 120, "header.origin", found: "\(header.origin)",
        expected: "at most the cursor \(cursor)")
    }
    // Read after the cursor: a ceiling only grows.
    var ceiling = Packed.offsetLimit
    if let control, let tables = control.layout, partition < tables.maxPartitions {
      let place = ControlInspector.place(of: partition, in: tables) + 144
      ceiling = min(ceiling, control.reader.word(at: place) ?? ceiling)
    }
    if cursor > ceiling {
      log.report(
        at: 128, "header.cursor", found: "\(cursor)", expected: "at most the ceiling \(ceiling)")
    }
  }

  /// What publishers announce, against a cursor that is read after it: it only grows.
  mutating func checkCells(_ layout: PartitionLayout) {
    let reader = reader
    for publisher in 0..<layout.maxPublishers {
      let base = layout.cellsOffset + publisher * MemoryLayout<shmbus_cell>.size
      func isBeyondCursor(_ offset: Offset) -> Bool {
        offset > Packed.cursorOffset(reader.word(at: 128) ?? 0)
      }
      let announced = reader.word(at: base) ?? 0
      let span = Packed.span(announced)
      if span > 0 {
        let start = Packed.offset(announced)
        if isBeyondCursor(start) || span > UInt64(layout.longestSpan) {
          log.report(
            at: base, "cell \(publisher).announced", found: "offset \(start), span \(span)",
            expected: "an offset up to the cursor, a span up to \(layout.longestSpan)")
        }
      }
      let floor = reader.word(at: base + 8) ?? Packed.none
      // Zero before its first use, all ones afterwards.
      if floor != Packed.none, isBeyondCursor(floor) {
        log.report(
          at: base + 8, "cell \(publisher).floor", found: "\(floor)",
          expected: "an offset below the cursor, or all ones")
      }
    }
  }

  func cells(_ layout: PartitionLayout) -> [RingReport.Cell] {
    (0..<layout.maxPublishers).compactMap { publisher in
      let base = layout.cellsOffset + publisher * MemoryLayout<shmbus_cell>.size
      guard let announced = reader.word(at: base), let floor = reader.word(at: base + 8),
        let pending = reader.word(at: base + 16)
      else { return nil }
      let isIdle = floor == Packed.none || (floor == 0 && announced == 0)
      guard announced != 0 || !isIdle || pending != 0 else { return nil }
      return RingReport.Cell(
        publisher: publisher, announced: Packed.offset(announced), span: Packed.span(announced),
        floor: isIdle ? nil : floor, pendingSequence: pending)
    }
  }

  var headerFields: [ControlReport.Field] {
    let h = header
    let fields: [(String, UInt64)] = [
      ("magic", h.magic), ("layout_version", UInt64(h.layout_version)),
      ("header_bytes", UInt64(h.header_bytes)), ("generation", h.generation),
      ("partition", UInt64(h.partition)), ("node", UInt64(h.node)), ("slots", h.slots),
      ("slot_size", UInt64(h.slot_size)), ("max_publishers", UInt64(h.max_publishers)),
      ("index_spacing", UInt64(h.index_spacing)), ("index_entries", UInt64(h.index_entries)),
      ("segment_bytes", h.segment_bytes), ("cells_offset", h.cells_offset),
      ("index_offset", h.index_offset), ("headers_offset", h.headers_offset),
      ("payload_offset", h.payload_offset), ("ceiling", h.ceiling), ("origin", h.origin),
      ("lost_from", h.lost_from), ("lost_to", h.lost_to), ("cursor", cursorWord),
    ]
    return fields.map { ControlReport.Field(name: $0.0, value: .number($0.1)) }
  }
}

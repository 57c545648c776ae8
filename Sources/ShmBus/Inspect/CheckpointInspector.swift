import CShmBus

/// Decodes a checkpoint, of which nothing is trusted: what can be read of it, and what is wrong.
struct CheckpointInspector {
  let reader: SegmentReader
  private(set) var log: FindingLog
  private(set) var image = CheckpointImage()
  /// The rest cannot be read: it is not there.
  private var isCut = false

  init(_ segment: Segment) {
    reader = segment.reader
    log = FindingLog(segment.name)
    decode()
  }

  /// Whether all of it is what was written.
  var isWhole: Bool { log.findings.isEmpty }

  private mutating func decode() {
    let most = reader.count
    guard let header = reader.value(shmbus_checkpoint_header.self, at: 0) else {
      log.report(
        at: 0, "header", found: "\(most) bytes",
        expected: "at least \(CheckpointImage.headerBytes)")
      return
    }
    log.require(header.magic, SHMBUS_CHECKPOINT_MAGIC, at: 0, "header.magic")
    log.require(
      header.layout_version, UInt32(SHMBUS_LAYOUT_VERSION), at: 8, "header.layout_version")
    log.require(
      header.header_bytes, UInt32(CheckpointImage.headerBytes), at: 12, "header.header_bytes")
    let told = Int(clamping: header.byte_count)
    log.require(
      told, in: CheckpointImage.headerBytes...max(most, CheckpointImage.headerBytes),
      at: 16, "header.byte_count")
    let sum = CheckpointImage.checksum(of: reader.copy(at: 0, count: min(told, most)))
    log.require(header.checksum, sum, at: CheckpointImage.checksumPlace, "header.checksum")
    image.number = header.number
    image.generation = header.generation
    image.identity = header.identity
    image.time = header.time
    if header.generation == 0 {
      log.report(at: 40, "header.generation", found: "0", expected: "a stamp that is not 0")
    }
    log.require(UInt64(header.partitions), in: Bounds.partitions, at: 28, "header.partitions")
    log.require(UInt64(header.groups), in: 0...Bounds.groups.upperBound, at: 64, "header.groups")
    log.require(
      UInt64(header.producers), in: 0...Bounds.producers.upperBound, at: 68, "header.producers")
    let end = readBody(header, upTo: min(told, most))
    if !isCut { log.require(told, end, at: 16, "header.byte_count") }
    checkBody()
  }

  /// The rows, one behind the other; returns where they end.
  private mutating func readBody(_ header: shmbus_checkpoint_header, upTo end: Int) -> Int {
    var place = CheckpointImage.headerBytes
    image.control = take(CheckpointImage.controlBytes, &place, end, "the control header")
    let partitions = min(Int(header.partitions), Int(Bounds.partitions.upperBound))
    for partition in 0..<partitions where !isCut {
      readPartition(partition, &place, end)
    }
    for _ in 0..<min(Int(header.groups), Int(Bounds.groups.upperBound)) where !isCut {
      let row = readRow(
        "group", CheckpointImage.groupRowBytes, CheckpointImage.headBytes * partitions, &place, end)
      if let row { image.groups.append(row) }
    }
    for _ in 0..<min(Int(header.producers), Int(Bounds.producers.upperBound)) where !isCut {
      let row = readRow(
        "producer", CheckpointImage.producerRowBytes, CheckpointImage.sequenceBytes * partitions,
        &place, end)
      if let row { image.producers.append(row) }
    }
    return place
  }

  private mutating func readPartition(_ partition: Int, _ place: inout Int, _ end: Int) {
    let name = "partition \(partition)"
    let row = take(CheckpointImage.partitionRowBytes, &place, end, name)
    let cursor = takeWord(&place, end, name)
    let count = takeWord(&place, end, name)
    guard !isCut else { return }
    guard count <= UInt64(end - place) / UInt64(CheckpointImage.indexEntryBytes) else {
      log.report(
        at: place - 8, "\(name).index", found: "\(count) entries",
        expected: "as many as there is room for")
      isCut = true
      return
    }
    var index: [CheckpointImage.IndexImage] = []
    for _ in 0..<Int(count) {
      let start = takeWord(&place, end, name)
      index.append(.init(start: start, timestamp: takeWord(&place, end, name)))
    }
    image.partitions.append(.init(row: row, cursor: cursor, index: index))
  }

  private mutating func readRow(
    _ kind: String, _ rowBytes: Int, _ partBytes: Int, _ place: inout Int, _ end: Int
  ) -> CheckpointImage.RowImage? {
    let name = "a \(kind)'s row"
    let number = takeWord(&place, end, name)
    let bytes = take(rowBytes, &place, end, name)
    let parts = take(partBytes, &place, end, name)
    guard !isCut else { return nil }
    return .init(row: Int(clamping: number), bytes: bytes, perPartition: parts)
  }

  private mutating func take(
    _ count: Int, _ place: inout Int, _ end: Int, _ name: String
  ) -> [UInt8] {
    guard !isCut, end - place >= count else {
      if !isCut {
        log.report(
          at: place, name, found: "\(max(0, end - place)) bytes", expected: "\(count)")
      }
      isCut = true
      return []
    }
    defer { place += count }
    return reader.copy(at: place, count: count)
  }

  private mutating func takeWord(_ place: inout Int, _ end: Int, _ name: String) -> UInt64 {
    let bytes = take(8, &place, end, name)
    return bytes.count == 8 ? CheckpointImage.word(bytes, 0) : 0
  }

  // ------------------------------------------------------------------------------ what it says

  /// What a bus can be restored from says nothing that cannot be.
  private mutating func checkBody() {
    guard let header = image.header else { return }
    let base = CheckpointImage.headerBytes
    log.require(header.magic, SHMBUS_CONTROL_MAGIC, at: base, "control.magic")
    log.require(header.generation, image.generation, at: base + 16, "control.generation")
    guard let layout = ControlLayout(header), PartitionLayout(header) != nil else {
      log.report(
        at: base + 128, "control geometry", found: "one that cannot be",
        expected: "what a bus can be created with")
      return
    }
    let most = min(layout.maxPartitions, Int(Bounds.partitions.upperBound))
    if image.partitions.count > most {
      log.report(
        at: 28, "header.partitions", found: "\(image.partitions.count)",
        expected: "at most \(most)")
    }
    for partition in image.partitions.indices {
      let ceiling = image.ceiling(of: partition)
      let cursor = image.partitions[partition].cursor
      log.require(
        ceiling, in: 1...Packed.offsetLimit, at: base, "partition \(partition).ceiling")
      log.require(
        cursor, in: 0...max(ceiling, 0), at: base, "partition \(partition).cursor")
    }
    checkRows(image.groups, "group", most: layout.maxGroups)
    checkRows(image.producers, "producer", most: layout.maxProducers)
  }

  private mutating func checkRows(
    _ rows: [CheckpointImage.RowImage], _ kind: String, most: Int
  ) {
    var last = -1
    for row in rows {
      if row.row <= last || row.row >= most {
        log.report(
          at: CheckpointImage.headerBytes, "a \(kind)'s row number", found: "\(row.row)",
          expected: "more than \(last) and less than \(most)")
      }
      if CheckpointImage.word(row.bytes, 0) & 1 == 0 {
        log.report(
          at: CheckpointImage.headerBytes, "\(kind) row \(row.row).incarnation",
          found: "\(CheckpointImage.word(row.bytes, 0))", expected: "an odd number: in use")
      }
      last = row.row
    }
  }
}

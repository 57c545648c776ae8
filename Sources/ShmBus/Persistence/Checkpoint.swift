import CShmBus

/// What is kept of a bus so that neither the death of every process nor a reboot loses it: geometry,
/// partitions with their cursors and ceilings, groups and heads, producers, and the sparse index.
///
/// It holds copies of rows as they lie in the control segment: whatever comes to a row later is kept too.
struct Checkpoint: Equatable, Sendable {
  var image: CheckpointImage

  var number: UInt64 { image.number }

  /// The offset below which every one that was ever handed out lies.
  func ceiling(of partition: Int) -> Offset { image.ceiling(of: partition) }

  /// The most index entries that are kept: of a large ring every 2nd, 4th, 8th ...
  static let mostIndexEntries = 65_536
  static let mostIndexEntriesOfPartition = 1_024

  /// `checkpoint_every`, in the control header.
  private static let checkpointEveryPlace = 424

  /// The longest file that can be one: every table as large as it can be.
  static let longestFile = 1 << 30

  /// Takes a picture of a bus at work. Every word is read once, atomically, and rows that somebody
  /// changes at the moment are read again; nothing is locked.
  static func capture(
    _ map: ControlMap, rings: [Ring], generation: UInt64, number: UInt64
  ) -> Checkpoint {
    let partitions = min(rings.count, map.partitions)
    var image = CheckpointImage()
    image.number = number
    image.generation = generation
    image.time = Clock.realtime()
    image.control = map.copy(at: 0, count: CheckpointImage.controlBytes)
    image.identity = CheckpointImage.word(image.control, 280)
    // What moves all the time, and is nothing to keep: the housekeeper's own words and marks.
    for word in stride(from: 384, to: 512, by: 8) where word != checkpointEveryPlace {
      CheckpointImage.put(0, in: &image.control, at: word)
    }
    CheckpointImage.put(UInt64(partitions), in: &image.control, at: 184)
    // Heads before cursors: no head is beyond the cursor beside it.
    image.groups = groups(map, partitions)
    image.producers = producers(map, partitions)
    for partition in 0..<partitions {
      image.partitions.append(capture(map, partition, rings[partition], among: partitions))
    }
    return Checkpoint(image: image)
  }

  private static func capture(
    _ map: ControlMap, _ partition: Int, _ ring: Ring, among partitions: Int
  ) -> CheckpointImage.PartitionImage {
    let size = CheckpointImage.partitionRowBytes
    var row = map.copy(at: map.layout.partitionTable + partition * size, count: size)
    // Words of sleepers, and the ceiling that is set where it is known.
    for word in 0..<16 { CheckpointImage.put(0, in: &row, at: word * 8) }
    CheckpointImage.put(0, in: &row, at: 184)
    let most = min(mostIndexEntriesOfPartition, max(16, mostIndexEntries / partitions))
    return .init(row: row, cursor: ring.end, index: ring.indexImage(atMost: most))
  }

  private static func groups(_ map: ControlMap, _ partitions: Int) -> [CheckpointImage.RowImage] {
    map.usedGroupRows.compactMap { row in
      let place = map.layout.groupTable + row * CheckpointImage.groupRowBytes
      return rowImage(
        map, row, at: place, CheckpointImage.groupRowBytes,
        parts: (0..<partitions).map {
          map.layout.headTable + ($0 * map.layout.headRows + row) * CheckpointImage.headBytes
        }, CheckpointImage.headBytes)
    }
  }

  private static func producers(
    _ map: ControlMap, _ partitions: Int
  ) -> [CheckpointImage.RowImage] {
    (0..<map.layout.maxProducers).compactMap { row in
      let place = map.layout.producerTable + row * CheckpointImage.producerRowBytes
      return rowImage(
        map, row, at: place, CheckpointImage.producerRowBytes,
        parts: (0..<partitions).map {
          map.layout.sequenceTable
            + ($0 * map.layout.maxProducers + row) * CheckpointImage.sequenceBytes
        }, CheckpointImage.sequenceBytes)
    }
  }

  /// Nil for a row that nobody uses. All of it belongs to one use.
  private static func rowImage(
    _ map: ControlMap, _ row: Int, at place: Int, _ count: Int, parts: [Int], _ partBytes: Int
  ) -> CheckpointImage.RowImage? {
    // Bounded: a row that changes hands all the time is looked at again by the next checkpoint.
    for _ in 0..<4 {
      let bytes = map.copy(at: place, count: count)
      let use = CheckpointImage.word(bytes, 0)
      guard use & 1 == 1 else { return nil }
      let perPartition = parts.flatMap { map.copy(at: $0, count: partBytes) }
      if CheckpointImage.word(map.copy(at: place, count: 8), 0) == use {
        return .init(row: row, bytes: bytes, perPartition: perPartition)
      }
    }
    return nil
  }
}

extension Checkpoint {
  /// Reads what ``CheckpointImage/encoded()`` wrote; throws what is wrong first.
  init(decoding bytes: [UInt8], named name: String) throws(CheckpointFault) {
    let inspector = CheckpointInspector(Segment(name: name, bytes: bytes))
    if let finding = inspector.log.findings.first {
      throw CheckpointFault(description: finding.description)
    }
    image = inspector.image
  }
}

/// Why bytes are no checkpoint.
struct CheckpointFault: Error, Equatable, CustomStringConvertible {
  let description: String
}

extension ControlMap {
  /// Words as they are, each read atomically. `place` and `count` are multiples of 8.
  func copy(at place: Int, count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    unsafe bytes.withUnsafeMutableBytes { buffer in
      for offset in stride(from: 0, to: count, by: 8) {
        let word = unsafe SharedWord(base, at: place + offset).loadAcquire()
        unsafe buffer.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
      }
    }
    return bytes
  }
}

extension Ring {
  /// At most so many entries of the index, evenly over the ring, oldest first.
  func indexImage(atMost most: Int) -> [CheckpointImage.IndexImage] {
    let (oldest, end) = (oldestIntact, end)
    let spacing = spacingMask &+ 1
    let step = spacing * (indexMask &+ 1 > UInt64(most) ? (indexMask &+ 1) / UInt64(most) : 1)
    var found: [CheckpointImage.IndexImage] = []
    var boundary = (oldest + step - 1) / step * step
    // Ends: at the cursor, after as many steps as there are entries.
    while boundary < end, found.count < most {
      let entry = indexEntry(boundary)
      let start = entry.start.loadAcquire()  // X5, partner: X4
      let time = entry.timestamp.loadRelaxed()
      acquireFence()
      if start > oldest, start <= boundary &+ 1, entry.start.loadRelaxed() == start {
        found.append(.init(start: start &- 1, timestamp: time))
      }
      boundary += step
    }
    return found
  }
}

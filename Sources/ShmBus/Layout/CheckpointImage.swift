import CShmBus

/// A checkpoint as plain bytes: copies of rows of the control segment, and what is needed to lay them out.
/// `shmbus_checkpoint_header` draws the file.
struct CheckpointImage: Equatable, Sendable {
  /// Of two copies the larger one is newer.
  var number: UInt64 = 0
  var generation: UInt64 = 0
  var identity: UInt64 = 0
  /// Nanoseconds since 1970.
  var time: UInt64 = 0
  /// The control header.
  var control: [UInt8] = []
  var partitions: [PartitionImage] = []
  var groups: [RowImage] = []
  var producers: [RowImage] = []

  /// One partition's row, where its cursor stood, and its index.
  struct PartitionImage: Equatable, Sendable {
    var row: [UInt8]
    var cursor: Offset
    var index: [IndexImage]
  }

  /// A claim's start and its time.
  struct IndexImage: Equatable, Sendable {
    var start: Offset
    var timestamp: UInt64
  }

  /// A group's or producer's row, and what belongs to it in each partition: heads, or sequences.
  struct RowImage: Equatable, Sendable {
    var row: Int
    var bytes: [UInt8]
    var perPartition: [UInt8]
  }

  static let headerBytes = MemoryLayout<shmbus_checkpoint_header>.size
  static let controlBytes = MemoryLayout<shmbus_control_header>.size
  static let partitionRowBytes = MemoryLayout<shmbus_partition_row>.size
  static let groupRowBytes = MemoryLayout<shmbus_group_row>.size
  static let headBytes = MemoryLayout<shmbus_head>.size
  static let producerRowBytes = MemoryLayout<shmbus_producer_row>.size
  static let sequenceBytes = MemoryLayout<shmbus_producer_sequence>.size
  static let indexEntryBytes = MemoryLayout<shmbus_index_entry>.size
  /// Where the checksum stands in the header.
  static let checksumPlace = 24

  /// A field of a partition's row, as drawn at `shmbus_partition_row`.
  enum RowField: Int {
    case origin = 136
    case ceiling = 144
    case start = 152
    case durable = 160
  }

  /// The control header that was copied; nil where it is not all there.
  var header: shmbus_control_header? {
    guard control.count == Self.controlBytes else { return nil }
    return unsafe control.withUnsafeBytes {
      unsafe $0.loadUnaligned(as: shmbus_control_header.self)
    }
  }

  func ceiling(of partition: Int) -> Offset {
    Self.word(partitions[partition].row, RowField.ceiling.rawValue)
  }

  mutating func setCeiling(_ offset: Offset, of partition: Int) {
    Self.put(offset, in: &partitions[partition].row, at: RowField.ceiling.rawValue)
  }

  static func word(_ bytes: [UInt8], _ place: Int) -> UInt64 {
    unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: place, as: UInt64.self) }
  }

  static func put(_ word: UInt64, in bytes: inout [UInt8], at place: Int) {
    unsafe bytes.withUnsafeMutableBytes {
      unsafe $0.storeBytes(of: word, toByteOffset: place, as: UInt64.self)
    }
  }

  /// Everything but what is new in each checkpoint: two images with equal contents need not both be
  /// written.
  func hasContents(of other: CheckpointImage) -> Bool {
    generation == other.generation && identity == other.identity && control == other.control
      && partitions == other.partitions && groups == other.groups && producers == other.producers
  }

  /// The file's bytes.
  func encoded() -> [UInt8] {
    var body: [UInt8] = control
    for partition in partitions {
      body += partition.row
      Self.append(partition.cursor, to: &body)
      Self.append(UInt64(partition.index.count), to: &body)
      for entry in partition.index {
        Self.append(entry.start, to: &body)
        Self.append(entry.timestamp, to: &body)
      }
    }
    for row in groups + producers {
      Self.append(UInt64(row.row), to: &body)
      body += row.bytes
      body += row.perPartition
    }
    var header = shmbus_checkpoint_header()
    header.magic = SHMBUS_CHECKPOINT_MAGIC
    header.layout_version = UInt32(SHMBUS_LAYOUT_VERSION)
    header.header_bytes = UInt32(Self.headerBytes)
    header.byte_count = UInt64(Self.headerBytes + body.count)
    header.partitions = UInt32(partitions.count)
    header.number = number
    header.generation = generation
    header.identity = identity
    header.time = time
    header.groups = UInt32(groups.count)
    header.producers = UInt32(producers.count)
    var bytes = unsafe withUnsafeBytes(of: header) { unsafe Array($0) } + body
    let sum = Self.checksum(of: bytes)
    unsafe bytes.withUnsafeMutableBytes {
      unsafe $0.storeBytes(of: sum, toByteOffset: Self.checksumPlace, as: UInt32.self)
    }
    return bytes
  }

  private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
    unsafe withUnsafeBytes(of: word) { unsafe bytes.append(contentsOf: $0) }
  }

  /// CRC-32C of a checkpoint, its checksum taken as 0.
  static func checksum(of bytes: [UInt8]) -> UInt32 {
    let zero: [UInt8] = [0, 0, 0, 0]
    let head = Array(bytes.prefix(checksumPlace))
    let rest = Array(bytes.dropFirst(checksumPlace + 4))
    var sum = unsafe shmbus_crc32c(0, head, head.count)
    sum = unsafe shmbus_crc32c(sum, zero, min(4, max(0, bytes.count - checksumPlace)))
    return unsafe shmbus_crc32c(sum, rest, rest.count)
  }
}

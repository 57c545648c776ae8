import ShmBus
import ToolSupport

/// A message on its way from one bus to another through a pipe or a connection.
///
/// `subscribe --format frames` writes frames one behind the other; `publish --frames` reads them. All numbers
/// are little-endian.
///
/// ```
///  0  magic       u32   'S' 'H' 'M' 'F'
///  4  version     u8    1
///  5  flags       u8    1 = the message has a key
///  6  nameLength  u16   bytes of the origin bus's name
///  8  keyLength   u32
/// 12  length      u32   bytes of the payload
/// 16  timestamp   u64   nanoseconds since 1970, of the origin
/// 24  generation  u64   stamp of the origin bus's creation: with it, offsets never come twice
/// 32  offset      u64   of the origin
/// 40  partition   u32   of the origin
/// 44  partitions  u32   how many the origin bus has
/// 48  name, key, payload
/// ```
struct Frame {
  static let headerSize = 48
  static let magic: UInt32 = 0x464D_4853
  private static let version: UInt8 = 1
  private static let keyFlag: UInt8 = 1

  static let description = """
    'shmctl subscribe --format frames' writes each message as a frame, 'shmctl publish --frames' reads \
    them: 'shmctl subscribe log --format frames | ssh far shmctl publish log --frames' is a bridge. \
    A frame begins with 48 bytes, all numbers little-endian:

      0 magic u32 "SHMF"       16 timestamp u64     40 partition u32
      4 version u8 (1)         24 generation u64    44 partitions u32
      5 flags u8 (1: has key)  32 offset u64        48 name, key, payload
      6 nameLength u16
      8 keyLength u32
     12 length u32

    Name, generation, partition and offset are the origin's: the reading end drops a frame whose offset is \
    not above the highest it has seen of that partition in this run. A message goes to the partition of \
    the same number where both buses have equally many, else where its key belongs.
    """

  let origin: Origin
  let offset: UInt64
  private let partitions: Int
  private let hasKey: Bool
  private let keyRange: Range<Int>
  private let payloadRange: Range<Int>

  /// A partition of some bus.
  struct Origin: Hashable {
    let bus: [UInt8]
    let generation: UInt64
    let partition: UInt32
  }

  /// How long the frame is that `bytes` begin with; nil where that cannot be told yet.
  static func byteCount(of bytes: UnsafeRawBufferPointer) throws -> Int? {
    guard bytes.count >= headerSize else { return nil }
    let header = unsafe bytes.loadUnaligned(as: UInt64.self)
    guard UInt32(truncatingIfNeeded: header) == magic else {
      throw Failure(.damagedData, "this is no frame: it does not begin with 'SHMF'")
    }
    let found = UInt8(truncatingIfNeeded: header >> 32)
    guard found == version else {
      throw Failure(.damagedData, "the frame has version \(found), and this tool knows \(version)")
    }
    let key = unsafe Int(bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    let length = unsafe Int(bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    return headerSize + Int(header >> 48) + key + length
  }

  /// Reads a whole frame.
  init(_ bytes: RawSpan) throws {
    func load<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: T.Type) -> T {
      unsafe T(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }
    guard bytes.byteCount >= Self.headerSize else {
      throw Failure(.damagedData, "the frame is shorter than its header")
    }
    let nameEnd = Self.headerSize + Int(load(6, UInt16.self))
    let keyEnd = nameEnd + Int(load(8, UInt32.self))
    let payloadEnd = keyEnd + Int(load(12, UInt32.self))
    guard payloadEnd == bytes.byteCount else {
      throw Failure(.damagedData, "the frame's lengths do not add up")
    }
    let name = bytes.extracting(Self.headerSize..<nameEnd)
    origin = Origin(
      bus: unsafe name.withUnsafeBytes { unsafe Array($0) }, generation: load(24, UInt64.self),
      partition: load(40, UInt32.self))
    offset = load(32, UInt64.self)
    partitions = Int(load(44, UInt32.self))
    hasKey = load(5, UInt8.self) & Self.keyFlag != 0
    keyRange = nameEnd..<keyEnd
    payloadRange = keyEnd..<payloadEnd
  }

  @_lifetime(copy bytes)
  func payload(in bytes: RawSpan) -> RawSpan { bytes.extracting(payloadRange) }

  @_lifetime(copy bytes)
  func key(in bytes: RawSpan) -> RawSpan? { hasKey ? bytes.extracting(keyRange) : nil }

  /// The partition it goes to on a bus with `count`; nil where the key decides.
  func place(among count: Int) -> Int? {
    if partitions == count, origin.partition < UInt32(count) { return Int(origin.partition) }
    return hasKey ? nil : Int(origin.partition) % count
  }

  /// Writes a message of a bus as a frame.
  static func write(
    _ message: borrowing Message, of bus: Bus, to output: inout OutputBuffer
  ) throws(OutputError) {
    let name = bus.name.utf8
    try output.append(littleEndian: UInt64(magic), count: 4)
    try output.append(version)
    try output.append(message.hasKey ? keyFlag : 0)
    try output.append(littleEndian: UInt64(name.count), count: 2)
    try output.append(littleEndian: UInt64(message.key.byteCount), count: 4)
    try output.append(littleEndian: UInt64(message.bytes.byteCount), count: 4)
    try output.append(littleEndian: message.timestamp, count: 8)
    try output.append(littleEndian: bus.generation, count: 8)
    try output.append(littleEndian: message.offset, count: 8)
    try output.append(littleEndian: UInt64(message.partition), count: 4)
    try output.append(littleEndian: UInt64(bus.partitions), count: 4)
    try output.append(bus.name)
    try output.append(message.key)
    try output.append(message.bytes)
  }
}

/// What has come through a bridge in this run.
struct SeenOrigins {
  private var highest: [Frame.Origin: UInt64] = [:]
  private(set) var duplicates = 0

  /// Whether a frame is news; from then on it is not.
  mutating func isNew(_ frame: Frame) -> Bool {
    if let last = highest[frame.origin], frame.offset <= last {
      duplicates += 1
      return false
    }
    highest[frame.origin] = frame.offset
    return true
  }
}

import CShmBus
import Glibc

/// One segment to look at: mapped read-only, or bytes that somebody has copied.
@safe
package final class Segment: @unchecked Sendable {
  /// What a segment is, or was meant to be.
  package enum Kind: Equatable, Sendable {
    case control
    case partition(Int?)
    /// No segment, but a file of the state directory.
    case checkpoint
    case unknown
  }

  /// As findings name it: `/shmbus.orders.p0`, or a path.
  package let name: String
  /// Whether it is what processes share, rather than a copy: it may change, and locks on it tell of life.
  package let isLive: Bool
  let reader: SegmentReader
  private let descriptor: Descriptor?
  /// The descriptor's number, or -1.
  private let number: Int32
  private let mapping: Mapping?
  private let copy: UnsafeMutableRawBufferPointer?

  /// Opens a shared-memory object by its name (`/shmbus.orders.control`).
  package convenience init(object name: String) throws(SegmentError) {
    do {
      let memory = try SharedMemory.open(name, writable: false)
      // Its descriptor, once more: this one is closed with `memory`.
      try self.init(name: name, memory.reopened(writable: false), isLive: true)
    } catch { throw SegmentError(name, error) }
  }

  /// Opens a file. One of those in `/dev/shm` that belong to a bus is the live segment itself.
  package convenience init(path: String) throws(SegmentError) {
    do {
      // Without O_NONBLOCK a pipe without a writer would be waited for.
      let file = try Descriptor(path: path, flags: O_RDONLY | O_NONBLOCK)
      try self.init(name: path, file, isLive: path.hasPrefix("/dev/shm/shmbus"))
    } catch { throw SegmentError(path, error) }
  }

  private init(
    name: String, _ descriptor: consuming Descriptor, isLive: Bool
  ) throws(SystemError) {
    var status = stat()
    guard unsafe fstat(descriptor.number, &status) == 0 else {
      throw SystemError.last("fstat", name)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SystemError(call: "open", subject: name, code: ENOTSUP)
    }
    let byteCount = Int(status.st_size)
    self.name = name
    self.isLive = isLive
    unsafe copy = nil
    if byteCount > 0 {
      let mapping = try Mapping(
        descriptor, byteCount: byteCount, writable: false, populate: false)
      unsafe reader = SegmentReader(
        UnsafeRawBufferPointer(start: mapping.base, count: byteCount))
      self.mapping = consume mapping
    } else {
      unsafe reader = SegmentReader(UnsafeRawBufferPointer(start: nil, count: 0))
      mapping = nil
    }
    number = descriptor.number
    self.descriptor = consume descriptor
  }

  /// A copy of bytes.
  package init(name: String, bytes: [UInt8]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 4096)
    unsafe copy.copyBytes(from: bytes)
    self.name = name
    isLive = false
    unsafe reader = SegmentReader(UnsafeRawBufferPointer(copy))
    unsafe self.copy = copy
    mapping = nil
    descriptor = nil
    number = -1
  }

  deinit { unsafe copy?.deallocate() }

  package var byteCount: Int { reader.count }

  /// How long the object is now: less than what was mapped if somebody has cut it.
  var currentByteCount: Int {
    var status = stat()
    guard number >= 0, unsafe fstat(number, &status) == 0 else {
      return reader.count
    }
    return Int(status.st_size)
  }

  /// By its magic; where that is damaged by the shape of its header, then by its name.
  package var kind: Kind {
    let magic = reader.word(at: 0)
    if magic == SHMBUS_CONTROL_MAGIC { return .control }
    if magic == SHMBUS_CHECKPOINT_MAGIC || name.hasSuffix("meta.0") || name.hasSuffix("meta.1") {
      return .checkpoint
    }
    let number = name.split(separator: ".").last.flatMap { last in
      last.first == "p" ? Int(last.dropFirst()) : nil
    }
    if magic == SHMBUS_PARTITION_MAGIC { return .partition(number) }
    if name.hasSuffix(".control") { return .control }
    if number != nil { return .partition(number) }
    switch reader.value(UInt32.self, at: 12).map(Int.init) {
    case MemoryLayout<shmbus_control_header>.size: return .control
    case MemoryLayout<shmbus_partition_header>.size: return .partition(nil)
    default: return .unknown
    }
  }

  /// Whether the owner of a registry row lives; nil for a copy, which no kernel knows about.
  func isLocked(_ byte: Int64) -> Bool? {
    guard isLive, number >= 0 else { return nil }
    return try? FileLock.isHeld(byte, seenFrom: number)
  }
}

/// A segment that cannot be looked at.
package struct SegmentError: Error, CustomStringConvertible, Sendable {
  package let segment: String
  /// An `errno` value.
  package let code: Int32
  package let description: String

  init(_ segment: String, _ cause: SystemError) {
    self.segment = segment
    code = cause.code
    description = "\(cause)"
  }
}

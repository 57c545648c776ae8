import Glibc
import ShmBus
import TestSupport

/// The two segments of a bus as raw bytes: to be put back as they were before each kill, and to see
/// what a killed process had done.
final class Segments {
  /// One segment's bytes; nil where there is none.
  struct Image: Equatable {
    var control: [UInt8]?
    var partition: [UInt8]?
  }

  let bus: String
  let control: Mapped
  private let partition: Mapped

  init(of bus: String) throws {
    self.bus = bus
    control = try Mapped(Self.path(bus, "control"))
    partition = try Mapped(Self.path(bus, "p0"))
  }

  static func path(_ bus: String, _ segment: String) -> String {
    "/dev/shm/shmbus-\(TestSpace.namespace).\(bus).\(segment)"
  }

  var image: Image { Image(control: control.bytes, partition: partition.bytes) }

  var byteCount: Int { control.count + partition.count }

  /// Puts an image back. Nobody may have the bus open who could be surprised.
  func restore(_ image: Image) {
    control.fill(image.control ?? [])
    partition.fill(image.partition ?? [])
  }

  /// Whether anything differs from `image`.
  func differs(from image: Image) -> Bool {
    control.differs(from: image.control) || partition.differs(from: image.partition)
  }

  // As drawn in shmbus_layout.h.
  var cursor: UInt64 { partition.word(at: 128) >> 10 }

  /// The control word of an offset's slot: lap:40, span:12, publisher:10, state:2.
  func slot(_ offset: UInt64) -> (lap: UInt64, state: UInt64) {
    let slots = partition.word(at: 32)
    let place = Int(partition.word(at: 80) + offset % slots * 64 + 16)
    let word = partition.word(at: place)
    return (word >> 24, word & 3)
  }

  /// Whether the slot is decided in the lap of this offset.
  func isDecided(_ offset: UInt64) -> Bool {
    let (lap, state) = slot(offset)
    return lap > offset / partition.word(at: 32) + 1
      || (lap == offset / partition.word(at: 32) + 1 && state >= 2)
  }

  /// A word of a registry row: publishers' rows come first.
  func endpoint(_ row: Int, at byte: Int) -> UInt64 {
    control.word(at: Int(control.word(at: 520)) + row * 256 + byte)
  }

  /// The states of the partition's quarantine rows that are in use.
  var quarantine: [UInt64] {
    let table = Int(control.word(at: 560))
    return (0..<32).map { control.word(at: table + $0 * 32 + 16) & 0xff }.filter { $0 != 0 }
  }

  /// The head of a subscriber's row.
  func head(ofSubscriber number: Int) -> UInt64 {
    let groups = Int(control.word(at: 152) & 0xffff_ffff)
    return control.word(at: Int(control.word(at: 528)) + (groups + number) * 64) >> 12
  }
}

/// A file mapped to be looked at and overwritten.
@safe
final class Mapped {
  private let base: UnsafeMutableRawPointer
  let count: Int

  init(_ path: String) throws {
    let file = unsafe open(path, O_RDWR | O_CLOEXEC)
    guard file >= 0 else { throw Violation("cannot open \(path): errno \(errno)") }
    defer { close(file) }
    count = Int(lseek(file, 0, SEEK_END))
    let address = unsafe mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw Violation("cannot map \(path): errno \(errno)")
    }
    unsafe base = address
  }

  deinit { unsafe _ = munmap(base, count) }

  var bytes: [UInt8] { unsafe Array(UnsafeRawBufferPointer(start: base, count: count)) }

  func word(at byte: Int) -> UInt64 { unsafe base.load(fromByteOffset: byte, as: UInt64.self) }

  func fill(_ bytes: [UInt8]) { unsafe _ = memcpy(base, bytes, min(count, bytes.count)) }

  func differs(from bytes: [UInt8]?) -> Bool {
    guard let bytes, bytes.count == count else { return true }
    return unsafe memcmp(base, bytes, count) != 0
  }
}

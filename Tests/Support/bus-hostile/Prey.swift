import CShmBus
import Glibc
import TestSupport

/// A segment mapped for writing, without the library, and what it looked like before.
@safe
struct Prey {
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  let descriptor: Int32
  private let before: [UInt8]

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  init(_ segment: String) throws {
    descriptor = unsafe open("/dev/shm/" + segment, O_RDWR)
    var status = stat()
    guard descriptor >= 0, unsafe fstat(descriptor, &status) == 0 else {
      throw Failure(description: "cannot open \(segment): errno \(errno)")
    }
    byteCount = Int(status.st_size)
    let mapped = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      throw Failure(description: "cannot map \(segment): errno \(errno)")
    }
    unsafe base = mapped
    unsafe before = Array(UnsafeRawBufferPointer(start: mapped, count: byteCount))
  }

  /// The word at a place, wherever somebody says that it is.
  func word(_ place: Int) -> UInt64 {
    guard place >= 0, place <= byteCount - 8 else { return 0 }
    return unsafe base.loadUnaligned(fromByteOffset: place, as: UInt64.self)
  }

  func set(_ place: Int, _ value: UInt64, bytes: Int = 8) {
    guard place >= 0, place <= byteCount - bytes else { return }
    unsafe withUnsafeBytes(of: value.littleEndian) { word in
      unsafe (base + place).copyMemory(from: word.baseAddress!, byteCount: bytes)
    }
  }

  /// As it was when it was mapped, so that the others have something to lose again.
  func restore(_ range: Range<Int>) {
    let range = range.clamped(to: 0..<byteCount)
    unsafe before.withUnsafeBytes { bytes in
      unsafe (base + range.lowerBound).copyMemory(
        from: bytes.baseAddress! + range.lowerBound, byteCount: range.count)
    }
  }

  /// A word of how it was.
  func original(_ place: Int) -> UInt64 {
    guard place >= 0, place <= byteCount - 8 else { return 0 }
    return unsafe before.withUnsafeBytes { bytes in
      unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
    }
  }
}

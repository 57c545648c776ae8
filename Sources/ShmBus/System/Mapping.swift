import Glibc

/// A stretch of this process's address space that shows a shared-memory object.
///
/// A forked child does not inherit it: a child that believed it was the owner would damage the bus.
/// Touching a page beyond the object's end is SIGBUS, so `byteCount` must be what was allocated; what
/// happens when somebody cuts the object later is in `TruncationGuard`.
@safe
struct Mapping: ~Copyable, @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  let isWritable: Bool
  /// In the table of mappings.
  private let place: Int32

  /// Maps the first `byteCount` bytes. With `populate` no later access faults. `alignment`, a power of
  /// two, is of the address: 0 for any.
  init(
    _ descriptor: borrowing Descriptor, byteCount: Int, writable: Bool, populate: Bool,
    alignment: Int = 0
  ) throws(SystemError) {
    let view = View(
      descriptor: descriptor.number, protection: Self.protection(writable), populate: populate)
    let place = unsafe alignment > 0 ? try View.reserve(byteCount, alignment) : nil
    let base: UnsafeMutableRawPointer
    do throws(SystemError) {
      unsafe base = try view.map(at: place, offset: 0, byteCount: byteCount)
    } catch {
      if let place = unsafe place { unsafe _ = munmap(place, byteCount) }
      throw error
    }
    self.place = unsafe try Self.settle(base, byteCount, writable)
    unsafe self.base = base
    self.byteCount = byteCount
    isWritable = writable
  }

  /// Maps the first `byteCount` bytes, and a stretch of them once more right after them.
  ///
  /// What runs over the end of a ring at the object's end is then contiguous in memory, as far as the
  /// repeated beginning of the ring goes. `byteCount` and the bounds of `stretch` are multiples of the page.
  /// The property `byteCount` counts both.
  init(
    ring descriptor: borrowing Descriptor, byteCount: Int, repeating stretch: Range<Int>,
    writable: Bool, populate: Bool, alignment: Int = 0
  ) throws(SystemError) {
    let (whole, overflow) = byteCount.addingReportingOverflow(stretch.count)
    guard !stretch.isEmpty, stretch.lowerBound >= 0, stretch.upperBound <= byteCount, !overflow
    else {
      throw SystemError(call: "mmap", subject: "\(byteCount) + \(stretch) bytes", code: EINVAL)
    }
    // Addresses first, so that nobody else's mapping can lie where the second copy must go.
    let base = unsafe try View.reserve(whole, alignment)
    do throws(SystemError) {
      let view = View(
        descriptor: descriptor.number, protection: Self.protection(writable), populate: populate)
      _ = unsafe try view.map(at: base, offset: 0, byteCount: byteCount)
      _ = unsafe try view.map(
        at: base + byteCount, offset: stretch.lowerBound, byteCount: stretch.count)
    } catch {
      unsafe _ = munmap(base, whole)
      throw error
    }
    place = unsafe try Self.settle(base, whole, writable)
    unsafe self.base = base
    self.byteCount = whole
    isWritable = writable
  }

  deinit {
    MappingTable.forget(place)
    unsafe _ = munmap(base, byteCount)
  }

  var fate: MappingFate { MappingTable.fate(place) }

  /// Asks for huge pages, or for none; false where the kernel does not give them to shared memory.
  func advise(huge: Bool) -> Bool {
    unsafe madvise(base, byteCount, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0
  }

  private static func protection(_ writable: Bool) -> Int32 {
    writable ? PROT_READ | PROT_WRITE : PROT_READ
  }

  /// Keeps it from children and notes it. Unmaps before it throws: the initialiser that called has
  /// nothing else to undo.
  private static func settle(
    _ base: UnsafeMutableRawPointer, _ byteCount: Int, _ writable: Bool
  ) throws(SystemError) -> Int32 {
    do throws(SystemError) {
      guard unsafe madvise(base, byteCount, MADV_DONTFORK) == 0 else {
        throw SystemError.last("madvise", "\(byteCount) bytes")
      }
      return unsafe try MappingTable.note(base, byteCount, writable: writable)
    } catch {
      unsafe _ = munmap(base, byteCount)
      throw error
    }
  }
}

/// One way to map: what, with which rights.
private struct View {
  let descriptor: Int32
  let protection: Int32
  let populate: Bool

  /// Addresses for `byteCount` bytes that nobody else's mapping will get, the first at a multiple of
  /// `alignment`: a huge page is mapped as one only there.
  static func reserve(
    _ byteCount: Int, _ alignment: Int
  ) throws(SystemError) -> UnsafeMutableRawPointer {
    let nothing = View(descriptor: -1, protection: PROT_NONE, populate: false)
    let found = unsafe try nothing.map(at: nil, offset: 0, byteCount: byteCount + alignment)
    guard alignment > 0 else { return unsafe found }
    let base = unsafe found.alignedUp(toMultipleOf: alignment)
    let before = unsafe base - found
    if before > 0 { unsafe _ = munmap(found, before) }
    // What is left of the page in which the bytes end stays theirs.
    let page = Int(getpagesize())
    let end = unsafe (base + byteCount).alignedUp(toMultipleOf: page)
    let after = unsafe (found + byteCount + alignment).alignedUp(toMultipleOf: page) - end
    if after > 0 { unsafe _ = munmap(end, after) }
    return unsafe base
  }

  /// Maps at `address`, over what is there, or anywhere when it is nil.
  func map(
    at address: UnsafeMutableRawPointer?, offset: Int, byteCount: Int
  ) throws(SystemError) -> UnsafeMutableRawPointer {
    var flags = descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED
    if unsafe address != nil { flags |= MAP_FIXED }
    if populate { flags |= MAP_POPULATE }
    let base = unsafe mmap(address, byteCount, protection, flags, descriptor, offset)
    guard let base = unsafe base, unsafe base != MAP_FAILED else {
      throw SystemError.last("mmap", "\(byteCount) bytes")
    }
    return unsafe base
  }
}

import Synchronization

/// A 64-bit word of shared memory that is only touched atomically.
///
/// Each method names its ordering, so that every use reads as an edge of `docs/MEMORY-ORDER.md`. All of them
/// compile to the plain instruction (`mov`, `lock cmpxchg`, `xchg`).
@frozen @safe @usableFromInline
struct SharedWord: @unchecked Sendable {
  @usableFromInline typealias Cell = Atomic<UInt64>

  @usableFromInline let address: UnsafeMutablePointer<Cell>

  @inlinable @inline(__always)
  init(_ base: UnsafeMutableRawPointer, at offset: Int = 0) {
    unsafe address = (base + offset).assumingMemoryBound(to: Cell.self)
  }

  /// The same word seen through a read-only mapping. Storing through it is refused by the kernel.
  @inlinable @inline(__always)
  init(_ base: UnsafeRawPointer, at offset: Int = 0) {
    unsafe self.init(UnsafeMutableRawPointer(mutating: base), at: offset)
  }

  @inlinable @inline(__always)
  func loadRelaxed() -> UInt64 { unsafe address.pointee.load(ordering: .relaxed) }

  @inlinable @inline(__always)
  func loadAcquire() -> UInt64 { unsafe address.pointee.load(ordering: .acquiring) }

  @inlinable @inline(__always)
  func storeRelaxed(_ value: UInt64) { unsafe address.pointee.store(value, ordering: .relaxed) }

  @inlinable @inline(__always)
  func storeRelease(_ value: UInt64) { unsafe address.pointee.store(value, ordering: .releasing) }

  /// Replaces `expected` by `desired`; acquire and release if it did, acquire if it did not.
  @inlinable @inline(__always)
  func compareExchange(_ expected: UInt64, _ desired: UInt64) -> (exchanged: Bool, original: UInt64)
  {
    unsafe address.pointee.compareExchange(
      expected: expected, desired: desired,
      successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring)
  }

  @inlinable @inline(__always)
  func exchange(_ value: UInt64) -> UInt64 {
    unsafe address.pointee.exchange(value, ordering: .acquiringAndReleasing)
  }

  @inlinable @inline(__always) @discardableResult
  func add(_ value: UInt64) -> UInt64 {
    unsafe address.pointee.wrappingAdd(value, ordering: .acquiringAndReleasing).oldValue
  }

  /// Raises the word to at least `value`; returns whether it was lower.
  @inlinable
  func raise(to value: UInt64) -> Bool {
    unsafe address.pointee.max(value, ordering: .acquiringAndReleasing).oldValue < value
  }
}

/// Every store before it is visible before any load after it, in every thread's eyes.
@inlinable @inline(__always)
func fullFence() { atomicMemoryFence(ordering: .sequentiallyConsistent) }

/// Loads before it are not moved below it.
@inlinable @inline(__always)
func acquireFence() { atomicMemoryFence(ordering: .acquiring) }

/// Stores after it are not moved above it.
@inlinable @inline(__always)
func releaseFence() { atomicMemoryFence(ordering: .releasing) }

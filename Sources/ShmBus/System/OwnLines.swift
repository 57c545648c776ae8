/// Private memory on cache lines of its own: what one thread writes for each message must not share a line
/// with what another thread touches. Freed with `deallocate()`.
func allocateOwnLines<T>(of type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
  let bytes = roundUp(count * MemoryLayout<T>.stride, to: 128)
  let base = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 128)
  return unsafe base.bindMemory(to: T.self, capacity: count)
}

/// The next multiple of `unit` (a power of two).
func roundUp(_ value: Int, to unit: Int) -> Int { (value + unit - 1) & ~(unit - 1) }

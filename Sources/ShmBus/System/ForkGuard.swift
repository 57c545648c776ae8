import CShmBus
import Glibc
import Synchronization

/// What a forked child must not keep: mappings, and descriptors with locks.
///
/// Its mappings are gone, and private zeroes in their place: who uses an endpoint of the parent's in
/// the child is told so, instead of a segmentation fault.
///
/// An OFD lock lives as long as any copy of its descriptor: a child that inherits one would keep a
/// dead parent looking alive. `O_CLOEXEC` covers `exec` only, so the child closes them first thing.
/// It never unlocks: that would take the lock from the parent too.
enum ForkGuard {
  static let capacity = 4096

  /// Descriptor + 1, or 0. Relaxed throughout: no slot guards anything but its own number, and
  /// `fork` copies the memory as the forking thread sees it.
  private static let slots = InlineArray<4096, Atomic<Int32>> { _ in Atomic(0) }

  private static let registration: Int32 = {
    // Built here: the handler may not be the first to touch it.
    _ = slots[0].load(ordering: .relaxed)
    return pthread_atfork(nil, nil) { ForkGuard.closeInChild() }
  }()

  /// From the first mapping on.
  static func register() throws(SystemError) {
    try SystemError.check(registration, "pthread_atfork", "fork guard")
  }

  /// Must follow the opening of `fd` at once: a fork in between leaves it open in the child.
  static func add(_ fd: Int32) throws(SystemError) {
    try register()
    for index in 0..<capacity where replace(0, by: fd + 1, at: index) { return }
    throw SystemError(call: "pthread_atfork", subject: "fork guard is full", code: EMFILE)
  }

  /// Must come before `fd` is closed: its number may be given to another file at once. False in a
  /// forked child, where it was closed long ago.
  static func remove(_ fd: Int32) -> Bool {
    (0..<capacity).contains { replace(fd + 1, by: 0, at: $0) }
  }

  private static func replace(_ old: Int32, by new: Int32, at index: Int) -> Bool {
    slots[index].compareExchange(expected: old, desired: new, ordering: .relaxed).exchanged
  }

  /// Runs in the child before `fork` returns: atomics and system calls only (async-signal-safe).
  private static func closeInChild() {
    shmbus_mappings_forked()
    for index in 0..<capacity {
      let value = slots[index].exchange(0, ordering: .relaxed)
      if value != 0 { _ = close(value - 1) }
    }
  }
}

/// A descriptor that a forked child does not keep.
struct UnforkableDescriptor: ~Copyable {
  let number: Int32

  init(_ descriptor: consuming Descriptor) throws(SystemError) {
    try ForkGuard.add(descriptor.number)
    number = descriptor.release()
  }

  // In a forked child the number may be another file's by now.
  deinit { if ForkGuard.remove(number) { _ = close(number) } }
}

import CShmBus
import Synchronization

/// A full fence run in every registered process, so that those need none of their own.
///
/// It makes the rare side (a subscriber about to sleep, 11 us) pay for the frequent one (a
/// publisher's commit, nothing): after `fence`, every store that a registered process made before
/// is visible here, and it will see every store made here before.
enum ProcessBarrier {
  private static let registered: Bool = shmbus_membarrier_register_global_expedited() == 0

  /// Makes this process take part in everybody's `fence`. False where the kernel refuses (older
  /// than 4.16, or a seccomp filter): its publishers must then fence after each commit.
  static func register() -> Bool { registered }

  /// A word that never changes, for publishers of a process that is not registered: it leads each commit to
  /// where the fence is, so that those of all others need not ask for it.
  static let alwaysSet: SharedWord = {
    let base = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 128)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 1, count: 128)
    return unsafe SharedWord(base)
  }()

  /// Between a store and the look whether somebody sleeps for it: in a registered process the sleeper's
  /// `fence` does the rest, any other fences itself (`-DUNREGISTERED` in `models/wakeup.pml`).
  static func beforeLook() {
    // Not `registered`: a lazy global costs a call on the path of every commit.
    if shmbus_is_registered() != 0 { shmbus_compiler_barrier() } else { fullFence() }
  }

  /// False where the kernel refuses; nothing is fenced then.
  static func fence() -> Bool { shmbus_membarrier_global_expedited() == 0 }
}

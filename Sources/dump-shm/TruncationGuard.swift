import Glibc

/// Survives that somebody truncates a segment while it is looked at: touching a page that is gone is SIGBUS.
///
/// The page is replaced by zeroes, which the rules then call damage; the segment's new size is
/// reported at the end. The tool maps nothing else that could go away.
enum TruncationGuard {
  static func install() {
    var action = sigaction()
    action.sa_flags = SA_SIGINFO
    unsafe action.__sigaction_handler.sa_sigaction = { _, info, _ in
      let size = 4096
      let address = unsafe info.map {
        unsafe UInt(bitPattern: $0.pointee._sifields._sigfault.si_addr)
      }
      let page = unsafe UnsafeMutableRawPointer(bitPattern: (address ?? 0) & ~UInt(size - 1))
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
      if unsafe page == nil || mmap(page, size, PROT_READ, flags, -1, 0) == MAP_FAILED {
        // The same access again, and this time it ends the process.
        signal(SIGBUS, SIG_DFL)
      }
    }
    unsafe sigaction(SIGBUS, &action, nil)
  }
}

import Glibc
import TestSupport

extension Run {
  /// Stops it, and waits until it has stopped: the signal takes effect when the kernel gets to it.
  func stop() {
    signal(SIGSTOP)
    let hasStopped = eventually { text(of: "/proc/\(pid)/stat").contains(") T ") }
    precondition(hasStopped, "\(pid) does not stop")
  }

  /// Lets it run again.
  func goOn() { signal(SIGCONT) }
}

import Glibc
import Synchronization

/// SIGINT and SIGTERM, as a wish that the work looks at between its steps.
package enum Interrupt {
  private static let received = Atomic<Int32>(0)
  /// A pipe that becomes readable with the first signal, for `poll`.
  private static let pipeEnds = makePipe()

  /// From now on the two signals are only noted, and a closed pipe is an error number, no death.
  package static func install() {
    _ = received.load(ordering: .relaxed)
    _ = pipeEnds
    signal(SIGPIPE, SIG_IGN)
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { number in
      Interrupt.received.store(number, ordering: .relaxed)
      var byte: UInt8 = 0
      let kept = errno
      _ = unsafe write(Interrupt.pipeEnds.1, &byte, 1)
      errno = kept
    }
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    for number in [SIGINT, SIGTERM] {
      unsafe sigaction(number, &action, nil)
      unsafe sigaddset(&mask, number)
    }
    // Whoever started us may have blocked them, and children inherit that.
    unsafe pthread_sigmask(SIG_UNBLOCK, &mask, nil)
  }

  /// Whether one of them has come.
  package static var isPending: Bool { received.load(ordering: .relaxed) != 0 }

  /// What a shell reports for a process that ended by the signal that came.
  package static var exitCode: Int32 { 128 + received.load(ordering: .relaxed) }

  /// Readable from the first signal on, for those who `poll` more than one input.
  package static var wakeup: Int32 { pipeEnds.0 }

  /// Waits until a descriptor has something to read; false if a signal came first.
  package static func awaitInput(on descriptor: Int32) -> Bool {
    // Ends: with input, its end, or a signal.
    while true {
      if isPending { return false }
      var wanted = [
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: pipeEnds.0, events: Int16(POLLIN), revents: 0),
      ]
      _ = unsafe poll(&wanted, 2, -1)
      if wanted[0].revents != 0 { return true }
    }
  }

  private static func makePipe() -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    // Without a pipe a signal is still noted; it is only answered later.
    _ = unsafe pipe(&ends)
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    return (ends[0], ends[1])
  }
}

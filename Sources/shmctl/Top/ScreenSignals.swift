import Glibc
import Synchronization
import ToolSupport

/// What a live screen must hear of: a new size, the wish to stop, and that it goes on.
enum ScreenSignals {
  enum Event: Equatable {
    case timeout
    case interrupt
    /// SIGTSTP.
    case stop
    /// SIGWINCH, or SIGCONT after a stop that nobody could see coming.
    case redraw
    case keys([UInt8])
    /// The input has ended: no more keys.
    case endOfKeys
  }

  private static let wantsStop = Atomic<Bool>(false)
  private static let wantsRedraw = Atomic<Bool>(false)
  private static let pipeEnds = makePipe()

  static func install() {
    _ = pipeEnds
    _ = wantsStop.load(ordering: .relaxed)
    _ = wantsRedraw.load(ordering: .relaxed)
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { number in
      if number == SIGTSTP {
        ScreenSignals.wantsStop.store(true, ordering: .relaxed)
      } else {
        ScreenSignals.wantsRedraw.store(true, ordering: .relaxed)
      }
      var byte: UInt8 = 0
      let kept = errno
      _ = unsafe write(ScreenSignals.pipeEnds.1, &byte, 1)
      errno = kept
    }
    for number in [SIGTSTP, SIGWINCH, SIGCONT] { unsafe sigaction(number, &action, nil) }
  }

  /// Waits for something to happen, for at most `nanoseconds`.
  static func next(input: Int32?, within nanoseconds: UInt64) -> Event {
    if Interrupt.isPending { return .interrupt }
    // Rounded up, so that the time has come when the wait is over.
    let milliseconds = min(nanoseconds / 1_000_000 + 1, 3_600_000)
    var wanted = [
      pollfd(fd: Interrupt.wakeup, events: Int16(POLLIN), revents: 0),
      pollfd(fd: pipeEnds.0, events: Int16(POLLIN), revents: 0),
      pollfd(fd: input ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    _ = unsafe poll(&wanted, 3, Int32(milliseconds))
    if Interrupt.isPending { return .interrupt }
    if wanted[1].revents != 0 { drain(pipeEnds.0) }
    if wantsStop.exchange(false, ordering: .relaxed) { return .stop }
    if wantsRedraw.exchange(false, ordering: .relaxed) { return .redraw }
    guard wanted[2].revents != 0, let input else { return .timeout }
    let keys = drain(input)
    return keys.isEmpty ? .endOfKeys : .keys(keys)
  }

  @discardableResult
  private static func drain(_ descriptor: Int32) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = unsafe read(descriptor, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
  }

  private static func makePipe() -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    // Without a pipe a signal is still noted; it is only answered with the next frame.
    _ = unsafe pipe(&ends)
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    return (ends[0], ends[1])
  }
}

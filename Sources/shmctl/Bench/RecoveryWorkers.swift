import Arguments
import CShmBus
import Glibc
import ShmBus
import ToolSupport

/// The processes of `bench recovery`: those that are killed, and those that say when they went on.
enum RecoveryWorkers {
  static let commands = [claim, clock, sit, fill, lock]

  /// Holds an open claim until it is killed.
  private static let claim = Command(
    "claim", summary: "Hold an open claim.", arguments: [Worker.bus]
  ) { parsed in
    let publisher = try Bus.open(parsed[Worker.bus], keepsHouse: false).publisher()
    let loan = try publisher.loan(byteCount: 64)
    try Worker.awaitStart()
    try loan.publish()
    return 0
  }

  /// Reads without ever spinning; says the time of each message.
  private static let clock = Command(
    "clock", summary: "Say when messages come.", arguments: [Worker.bus]
  ) { parsed in
    var subscriber = try Bus.open(parsed[Worker.bus], keepsHouse: false).subscriber(wait: .sleep)
    try Program.print("ready\n")
    // Ends: with a signal.
    while true {
      let isThere = try subscriber.next(timeout: .seconds(10)) != nil
      let time = Cycles.monotonic()
      try Interrupted.check()
      if isThere { try Program.print("\(time)\n") }
    }
  }

  /// Holds the ring until it is killed: a subscriber that never asks.
  private static let sit = Command(
    "sit", summary: "Hold the ring.", arguments: [Worker.bus]
  ) { parsed in
    var subscriber = try Bus.open(parsed[Worker.bus], keepsHouse: false).subscriber()
    try Worker.awaitStart()
    _ = try subscriber.next(timeout: .zero)
    return 0
  }

  /// Fills the ring for each word, says so, and says when there was room again.
  private static let fill = Command(
    "fill", summary: "Fill the ring.", arguments: [Worker.bus]
  ) { parsed in
    let publisher = try Bus.open(parsed[Worker.bus], keepsHouse: false).publisher(wait: .sleep)
    try Program.print("ready\n")
    // Ends: with the parent, or a signal.
    while readLine() != nil {
      while unsafe try publisher.tryPublish("x".utf8Span.span.bytes) != nil {}
      try Program.print("full\n")
      try publisher.publish("there is room")
      try Program.print("\(Cycles.monotonic())\n")
    }
    return 0
  }

  private static let path = Argument("PATH", .string, help: "The file.")

  /// Holds a lock as an endpoint does, until it is killed.
  private static let lock = Command(
    "lock", summary: "Hold a file's lock.", arguments: [path]
  ) { parsed in
    let file = unsafe open(parsed[path], O_RDWR | O_CLOEXEC)
    var lock = flock(
      l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 1, l_pid: 0)
    guard unsafe fcntl(file, Int32(SHMBUS_OFD_SETLK), &lock) == 0 else {
      throw Failure.system("cannot lock '\(parsed[path])'", errno)
    }
    try Worker.awaitStart()
    close(file)
    return 0
  }
}

import CShmBus
import Glibc
import ShmBus
import ToolSupport

/// How soon the living go on after a `kill -9`, beside how soon the kernel lets go of a dead process's lock:
/// nobody can know of the death before that.
struct RecoveryBench {
  let extent: Extent

  struct Result {
    /// How many of each were killed.
    let rounds: Int
    /// From the kill of a publisher inside its claim to a sleeping reader that has passed it.
    let reader: Percentiles
    /// From the kill of a subscriber that holds a full ring to a sleeping publisher that has room.
    let publisher: Percentiles
    /// From the kill of a process to somebody who sleeps until its lock is free.
    let lock: Percentiles

    var ratio: Double { reader.p50 / max(1, lock.p50) }
  }

  /// The three take turns, so that all see the same host.
  func run() throws -> Result {
    let claims = try ClaimScene()
    let rings = try RingScene()
    let locks = try LockScene()
    let (reader, publisher, lock) = (Histogram(), Histogram(), Histogram())
    try extent.repeated {
      lock.add(try locks.kill())
      reader.add(try claims.kill())
      publisher.add(try rings.kill())
    }
    return Result(
      rounds: Int(lock.total), reader: Percentiles(reader), publisher: Percentiles(publisher),
      lock: Percentiles(lock))
  }
}

/// A reader asleep at the claim of a publisher that is killed.
private final class ClaimScene {
  private let bus: TemporaryBus
  private let reader: Child
  private let publisher: Publisher

  init() throws {
    bus = try TemporaryBus("claims")
    reader = try Child.again([Worker.marker, "clock", bus.name])
    _ = try reader.expectLine()
    publisher = try bus.bus.publisher()
  }

  // Before the bus goes: it would say so.
  deinit { reader.stop() }

  func kill() throws -> UInt64 {
    let victim = try Child.again([Worker.marker, "claim", bus.name])
    _ = try victim.expectLine()
    try publisher.publish("behind the claim")
    try Moment.await(sleepOf: reader)
    let start = Cycles.monotonic()
    victim.stop()
    return try Moment.nanoseconds(from: start, to: reader.expectLine())
  }
}

/// A publisher asleep at a ring that is held by a subscriber that is killed.
private final class RingScene {
  private let bus: TemporaryBus
  private let publisher: Child

  init() throws {
    bus = try TemporaryBus("rings")
    publisher = try Child.again([Worker.marker, "fill", bus.name])
    _ = try publisher.expectLine()
  }

  deinit { publisher.stop() }

  func kill() throws -> UInt64 {
    let victim = try Child.again([Worker.marker, "sit", bus.name])
    _ = try victim.expectLine()
    try publisher.send("go")
    _ = try publisher.expectLine()
    try Moment.await(sleepOf: publisher)
    let start = Cycles.monotonic()
    victim.stop()
    return try Moment.nanoseconds(from: start, to: publisher.expectLine())
  }
}

/// A file's lock, and whoever holds it is killed.
private final class LockScene {
  private let path: String
  private let file: Int32

  init() throws {
    let directory = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    path = "\(directory)/shmbus-bench-\(getpid()).lock"
    file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Failure.system("cannot create '\(path)'", errno) }
  }

  deinit {
    close(file)
    unsafe _ = unlink(path)
  }

  func kill() throws -> UInt64 {
    let victim = try Child.again([Worker.marker, "lock", path])
    _ = try victim.expectLine()
    let start = Cycles.monotonic()
    _ = Glibc.kill(victim.pid, SIGKILL)
    try set(F_WRLCK)
    let end = Cycles.monotonic()
    try set(F_UNLCK)
    victim.stop()
    return end - start
  }

  /// Sleeps until the lock can be had: like a reader, it is told.
  private func set(_ type: Int32) throws {
    var lock = flock(
      l_type: Int16(type), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 1, l_pid: 0)
    // Ends: the kernel frees the locks of the dead.
    while unsafe fcntl(file, Int32(SHMBUS_OFD_SETLKW), &lock) != 0 {
      try Interrupted.check()
      guard errno == EINTR else { throw Failure.system("cannot lock '\(path)'", errno) }
    }
  }
}

/// A small bus that is removed with its scene.
private final class TemporaryBus {
  let bus: Bus
  var name: String { bus.name }

  init(_ part: String) throws {
    bus = try Bus.create(
      "bench-\(getpid())-\(part)",
      BusConfiguration(
        slots: 64, slotSize: 64, maxPublishers: 16, maxSubscribers: 16, stateDirectory: .none),
      keepsHouse: false)
  }

  deinit { try? Bus.remove(name, force: true) }
}

private enum Moment {
  /// Waits until a process sleeps, then a little longer: the kill must not be in step with its sleeps.
  static func await(sleepOf child: Child) throws {
    var sightings = 0
    // Ends: with the process asleep at three looks, or a signal.
    while sightings < 3 {
      sightings = child.isAsleep ? sightings + 1 : 0
      usleep(UInt32.random(in: 200...1500))
      try Interrupted.check()
    }
  }

  static func nanoseconds(from start: UInt64, to line: String) throws -> UInt64 {
    guard let end = UInt64(line), end > start else {
      throw Failure(.software, "a process went on before anybody was killed: '\(line)'")
    }
    return end - start
  }
}

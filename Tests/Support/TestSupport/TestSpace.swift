import Glibc
import ShmBus

/// A corner of `/dev/shm` that belongs to this test process.
///
/// The first use sets `SHMBUS_NAMESPACE`, so that neither the public API nor a process that a test starts
/// can touch a bus of anybody else's, and clears away what test processes left that were killed.
public enum TestSpace {
  /// The namespace of this process, in force once it was asked for.
  public static let namespace: String = {
    let name = "test-\(getpid())"
    unsafe setenv("SHMBUS_NAMESPACE", name, 1)
    // What a test is about is not disturbed by a housekeeper; who tests that, asks for it.
    unsafe setenv("SHMBUS_DIR", "none", 1)
    unsafe setenv("SHMBUS_HOUSEKEEPING", "off", 1)
    clearAfterTheDead()
    return name
  }()

  /// A bus name that nobody else uses.
  public static func busName(_ what: String = "bus") -> String {
    _ = namespace
    return "\(what)-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
  }

  /// The objects in `/dev/shm` that belong to a bus of this process's namespace.
  public static func segments(of bus: String) -> [String] {
    names(withPrefix: "shmbus-\(namespace).\(bus).")
  }

  /// Takes away whatever exists under a bus's name, in whatever state.
  public static func clear(_ bus: String) {
    for name in segments(of: bus) { unsafe shm_unlink("/" + name) }
  }

  static func names(withPrefix prefix: String) -> [String] {
    fileNames(in: "/dev/shm").filter { $0.hasPrefix(prefix) }
  }

  /// A killed test process cannot clean up: the next one does.
  private static func clearAfterTheDead() {
    let prefix = "shmbus-test-"
    for name in names(withPrefix: prefix) {
      guard let pid = pid_t(name.dropFirst(prefix.count).prefix { $0.isNumber }) else { continue }
      if kill(pid, 0) != 0 && errno == ESRCH { unsafe shm_unlink("/" + name) }
    }
  }
}

/// A new bus for the time of `body`; nothing of it is left afterwards.
public func withBus<Result>(
  _ configuration: BusConfiguration = BusConfiguration(slots: 64, slotSize: 64),
  _ what: String = "bus", _ body: (Bus) throws -> Result
) throws -> Result {
  let name = TestSpace.busName(what)
  defer { TestSpace.clear(name) }
  return try body(Bus.create(name, configuration))
}

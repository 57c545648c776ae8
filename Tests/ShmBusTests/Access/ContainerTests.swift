import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// Processes in mount, PID, IPC and user namespaces of their own, which have nothing in common but a directory: as
/// containers that share a `/dev/shm`.
@Suite(
  .enabled(
    if: Container.isAllowed, "unshare of user, mount, PID and IPC namespaces is refused here"))
struct ContainerTests {
  @Test func messagesPassBetweenContainers() throws {
    try withSharedDirectory { shared in
      let bus = "orders"
      try make(bus, in: shared)
      let reader = try Container(shared).play(["subscribe", "bus=\(bus)", "wait=sleep"])
      #expect(try reader.line() == "ready")
      let writer = try Container(shared).play(["publish", "bus=\(bus)", "count=200", "way=single"])
      #expect(try writer.line() == "ready")
      writer.tell("go")
      // More than the ring holds: heads, gate and wakes work across as well.
      for number in 0..<200 {
        let words = try reader.line()?.split(separator: " ").map(String.init) ?? []
        #expect(words.count == 6 && words[4] == "\(number)" && words[5] == "whole", "\(words)")
      }
    }
  }

  @Test func theDeadOfOneContainerAreFoundInAnother() throws {
    try withSharedDirectory { shared in
      let bus = "orders"
      try make(bus, in: shared)
      let lender = try Container(shared).play(["loan", "bus=\(bus)"])
      #expect(try lender.line() == "loan 0")
      // Every container has a process 1 or 2 of its own: only the lock tells who lives.
      #expect(try census(bus, in: shared) == ["publisher alive"])
      lender.kill()
      lender.wait()
      #expect(eventually { (try? census(bus, in: shared)) == ["publisher dead"] })
      let writer = try Container(shared).play(["publish", "bus=\(bus)", "count=200", "way=single"])
      #expect(try writer.line() == "ready")
      let reader = try Container(shared).play(["subscribe", "bus=\(bus)"])
      #expect(try reader.line() == "ready")
      writer.tell("go")
      // The claim at 0 is passed over, and its slot is used again in the next lap.
      for number in 0..<200 {
        let words = try reader.line()?.split(separator: " ").map(String.init) ?? []
        #expect(words.count == 6 && words[1] == "\(number + 1)" && words[4] == "\(number)")
      }
    }
  }

  @Test func aContainerOfItsOwnSeesNothing() throws {
    try withSharedDirectory { shared in
      try make("orders", in: shared)
      let alone = try Container(nil, size: "1m").play(["open", "bus=orders"])
      #expect(try alone.line()?.hasPrefix("error 66 ") == true)
    }
  }

  /// What `docker run --shm-size` gives. Nothing is left of a bus that does not fit.
  @Test func aSmallContainerRefusesALargeBus() throws {
    let small = try Container(nil, size: "1m").play(
      ["create", "bus=orders", "slots=65536", "slotSize=256"])
    #expect(try small.line() == "ready")
    small.tell("go")
    let word = try small.line() ?? ""
    #expect(word.hasPrefix("error 73 ") && word.contains("/dev/shm"), "\(word)")
  }

  /// Root of a container is nobody special outside: the segments' modes decide.
  @Test(.enabled(if: geteuid() == 0, "only root can become other users"))
  func rootOfAnothersContainerIsKeptOut() throws {
    try withSharedDirectory { shared in
      try make("orders", in: shared)
      let stranger = try Container(shared, uid: 65_534).play(["open", "bus=orders"])
      let word = try stranger.line() ?? ""
      #expect(word.hasPrefix("error 77 ") && word.contains("you are uid 0"), "\(word)")
    }
  }

  // ------------------------------------------------------------------------------------ helpers

  private func make(_ bus: String, in shared: String) throws {
    let creator = try Container(shared).play(["create", "bus=\(bus)"])
    #expect(try creator.line() == "ready")
    creator.tell("go")
    #expect(try creator.line() == "created")
    creator.wait()
  }

  private func census(_ bus: String, in shared: String) throws -> [String] {
    try Container(shared).play(["census", "bus=\(bus)"]).rest()
  }

  /// A directory of this host's `/dev/shm` that containers have for theirs.
  private func withSharedDirectory(_ body: (String) throws -> Void) throws {
    let directory = "/dev/shm/shmbus-\(TestSpace.namespace)-shared-\(UInt64.random(in: 0 ... .max))"
    #expect(unsafe mkdir(directory, 0o777) == 0)
    #expect(unsafe chmod(directory, 0o1777) == 0)
    defer {
      for segment in ["control", "p0"] {
        unsafe _ = unlink("\(directory)/shmbus-\(TestSpace.namespace).orders.\(segment)")
      }
      #expect(unsafe rmdir(directory) == 0)
    }
    try body(directory)
  }
}

/// New namespaces around a process.
private struct Container {
  private static let flags = [
    "--user", "--map-root-user", "--mount", "--pid", "--ipc", "--fork", "--kill-child",
  ]

  static let isAllowed: Bool = {
    guard
      let probe = try? Actor(command: ["unshare"] + flags + ["mount", "-t", "tmpfs", "x", "/mnt"])
    else { return false }
    return probe.wait() == 0
  }()

  private let mount: String
  private let uid: UInt32?

  /// With `shared` for its `/dev/shm`, or with one of its own.
  init(_ shared: String?, size: String = "64m", uid: UInt32? = nil) {
    mount =
      shared.map { "mount --bind \($0) /dev/shm" } ?? "mount -t tmpfs -o size=\(size) shm /dev/shm"
    self.uid = uid
  }

  func play(_ arguments: [String]) throws -> Actor {
    let user =
      uid.map { ["setpriv", "--reuid", "\($0)", "--regid", "\($0)", "--clear-groups"] } ?? []
    return try Actor(
      command: user + ["unshare"] + Self.flags
        + ["sh", "-c", "\(mount) && exec \"$@\"", "sh", Actor.path] + arguments)
  }
}

import CShmBus
import Glibc
import TestSupport
import Testing

@testable import ShmBus

/// What other users may do with a bus: the kernel's word, asked by processes that run as them. Only root can
/// become other users.
@Suite(.enabled(if: geteuid() == 0, "only root can become other users"))
struct GroupAccessTests {
  private static let publishers: UInt32 = 54_321
  private static let subscribers: UInt32 = 54_322
  private static let others: UInt32 = 54_323
  private static let uid = "65534"

  /// What a bus is shared by, and what each group may do with it.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var group: UInt32?
    var publishGroup: UInt32?
    var subscribeGroup: UInt32?
    let publishes: [UInt32]
    let subscribes: [UInt32]
  }

  private static let cases = [
    Case(testDescription: "nobody", publishes: [], subscribes: []),
    Case(
      testDescription: "one group", group: publishers, publishes: [publishers],
      subscribes: [publishers]),
    Case(
      testDescription: "a publish group", publishGroup: publishers, publishes: [publishers],
      subscribes: [publishers]),
    Case(
      testDescription: "a subscribe group", subscribeGroup: subscribers, publishes: [],
      subscribes: [subscribers]),
    Case(
      testDescription: "both", publishGroup: publishers, subscribeGroup: subscribers,
      publishes: [publishers], subscribes: [publishers, subscribers]),
  ]

  @Test(arguments: cases)
  func eachGroupMayDoWhatItWasGiven(of shared: Case) throws {
    try withShared(shared) { bus in
      let publisher = try bus.publisher()
      try publisher.publish("for whom it may concern")
      for group in [Self.publishers, Self.subscribers, Self.others] {
        let written = try last(
          of: play(group, ["publish", "bus=\(bus.name)", "count=1", "way=single"]))
        #expect(
          !written.hasPrefix("error") == shared.publishes.contains(group),
          "group \(group) publishing: \(written)")
        let read = try play(group, ["hold", "bus=\(bus.name)", "count=1"])
        let word = try read.line() ?? ""
        #expect(
          (word == "ready") == shared.subscribes.contains(group),
          "group \(group) subscribing: \(word)")
        for refused in [written, word] where refused.hasPrefix("error") {
          #expect(refused.hasPrefix("error 77 ") && refused.contains("uid 65534"), "\(refused)")
        }
        read.kill()
        read.wait()
      }
      #expect(try Doctor.examine(bus.name).filter { $0.fault == .wrongMode } == [])
    }
  }

  @Test(arguments: cases)
  func aSubscriberCannotWriteInAnyWay(of shared: Case) throws {
    try withShared(shared) { bus in
      let partition = TestSpace.segments(of: bus.name).filter { $0.hasSuffix(".p0") }
      #expect(partition.count == 1)
      for group in [Self.subscribers, Self.others] {
        let found = try answers(of: group, partition[0])
        let mayRead = shared.subscribes.contains(group)
        let allowed = found.filter { $0.hasSuffix("allowed") }
        #expect(allowed == (mayRead ? ["open: allowed", "map: allowed"] : []), "\(found)")
        #expect(found.count == (mayRead ? 11 : 6), "\(found)")
      }
    }
  }

  /// Somebody outside the groups: nothing of the bus can be opened or locked, and nobody is held up.
  @Test(arguments: [cases[0], cases[1], cases[4]])
  func anOutsiderIsKeptOutOfEverything(of shared: Case) throws {
    try withShared(shared) { bus in
      let segments = TestSpace.segments(of: bus.name)
      #expect(segments.count == 2)
      for segment in segments {
        let found = try answers(of: Self.others, segment)
        #expect(found.count == 6 && !found.contains { $0.hasSuffix("allowed") }, "\(found)")
      }
      let locker = try play(
        Self.others, program: Actor.program("intruder"), ["lock"] + segments)
      #expect(try locker.rest().allSatisfy { !$0.hasSuffix("allowed") })
      // A dead publisher's claim is passed over as ever.
      let lender = try Actor(["loan", "bus=\(bus.name)"])
      #expect(try lender.line() == "loan 0")
      lender.kill()
      lender.wait()
      try bus.publisher().publish("after the dead")
      var subscriber = try bus.subscriber(from: .earliest)
      #expect(try subscriber.text() == "after the dead")
    }
  }

  @Test func aMemberMayNotRemoveOrGrowTheBus() throws {
    try withShared(Self.cases[1]) { bus in
      for arguments in [["remove"], ["grow", "partitions=2"]] {
        let actor = try play(Self.publishers, arguments + ["bus=\(bus.name)"])
        let word = try last(of: actor)
        #expect(word.hasPrefix("error 77 ") && word.contains("uid 65534"), "\(word)")
        #expect(word.contains("sudo"), "\(word)")
      }
      #expect(!bus.isRemoved && bus.partitions == 1)
    }
  }

  /// What a subscriber can write, the control segment, must not choose who may write a new partition, nor what
  /// the doctor sets right.
  @Test func theControlSegmentDoesNotDecideWhoMayWrite() throws {
    try withShared(Self.cases[4]) { bus in
      unsafe bus.map.header.pointee.mode = 0o666
      unsafe bus.map.header.pointee.publish_gid = Self.others
      let created = try FileAccess.of(path: path(bus, "p0"))
      #expect(created?.group == Self.publishers && created?.mode == 0o660)
      let again = try Bus.open(bus.name)
      try again.addPartitions(to: 2)
      #expect(try FileAccess.of(path: path(bus, "p1")) == created)
      #expect(unsafe chmod(path(bus, "p0"), 0o666) == 0)
      for diagnosis in try Doctor.examine(bus.name) where diagnosis.subject.hasSuffix(".p0") {
        try diagnosis.repair()
      }
      #expect(try FileAccess.of(path: path(bus, "p0")) == created)
    }
  }

  /// Root adds a partition to somebody's bus: it is that somebody's.
  @Test func aPartitionBelongsToTheOwnerOfTheOthers() throws {
    try withShared(Self.cases[1]) { bus in
      for segment in TestSpace.segments(of: bus.name) {
        #expect(unsafe chown("/dev/shm/" + segment, 65_534, .max) == 0)
      }
      try bus.addPartitions(to: 2)
      #expect(try SharedMemory.ownership(of: "/" + segmentName(bus, "p1"))?.uid == 65_534)
    }
  }

  @Test func theStateDirectoryFollowsTheSameRules() throws {
    let bus = try keptBus()
    defer { drop(bus) }
    let directory = try #require(bus.statePlace?.path)
    let file = directory + "/meta.0"
    let access = SegmentAccess(bus.configuration)
    #expect(try FileAccess.of(path: directory) == access.stateDirectory)
    #expect(try FileAccess.of(path: file) == access.partition)
    for (group, allowed) in [
      (Self.publishers, ["list", "read", "append", "add"]), (Self.subscribers, ["list", "read"]),
      (Self.others, []),
    ] {
      let script = """
        ls \(directory) && echo list; cat \(file) >/dev/null && echo read; echo x >> \(file) && echo append
        touch \(directory)/new && echo add; rm -f \(directory)/new
        """
      let shell = try play(group, program: "/bin/sh", ["-c", "exec 2>/dev/null\n" + script])
      let words = try shell.rest().filter { $0.count > 1 && !$0.hasPrefix("meta.") }
      #expect(words == allowed, "group \(group)")
    }
  }

  /// A publisher keeps house where nobody else does, a subscriber leaves it; nobody uses somebody else's folder.
  @Test func whoMayWriteTheFolderKeepsHouse() throws {
    let bus = try keptBus()
    defer { drop(bus) }
    let reader = try play(Self.subscribers, ["keep", "bus=\(bus.name)"])
    #expect(try reader.line() == "ready")
    let writer = try play(Self.publishers, ["keep", "bus=\(bus.name)"])
    #expect(try writer.line() == "ready")
    #expect(eventually { bus.state.keeper == Int(writer.pid) })
    let number = bus.state.checkpointNumber
    try bus.createGroup(.group("g"), from: .latest)
    #expect(eventually { bus.state.checkpointNumber > number && bus.state.failure == nil })
    writer.kill()
    writer.wait()
    try bus.checkpoint()
    #expect(bus.state.failure == nil && bus.state.keeper == nil)

    let folder = try #require(bus.statePlace?.path)
    #expect(unsafe chown(folder, 12_345, .max) == 0)
    #expect(busError { try bus.checkpoint() }?.code == .permission)
    #expect(bus.state.failure?.contains("a folder of the bus's owner") == true)
    #expect(unsafe chown(folder, geteuid(), .max) == 0)
    try bus.checkpoint()
    #expect(bus.state.failure == nil)
  }

  /// Whoever may write to /dev/shm can take a name first. Nobody hangs or is led astray; the error names him.
  @Test func namesTakenByOthersAreTold() throws {
    let name = TestSpace.busName("squat")
    defer { TestSpace.clear(name) }
    let control = "/dev/shm" + (try BusName(name).control)
    let partition = "/dev/shm" + (try BusName(name).partition(0))
    for (make, taken) in [
      ("mkfifo -m 666 \(control)", control), ("ln -s /dev/zero \(control)", control),
      ("touch \(partition)", partition),
    ] {
      let squatter = try play(
        Self.others, as: "65533", program: "/bin/sh", ["-c", "umask 0; " + make])
      _ = try squatter.rest()
      #expect(squatter.wait() == 0, "\(make)")
      let creator = try play(Self.publishers, ["create", "bus=\(name)"])
      #expect(try creator.line() == "ready")
      let word = try last(of: creator)
      #expect(word.hasPrefix("error 69 ") || word.hasPrefix("error 77 "), "\(make): \(word)")
      #expect(word.contains("uid 65533") || make.hasPrefix("ln"), "\(make): \(word)")
      if taken == control {
        let opened = try play(Self.publishers, ["open", "bus=\(name)"])
        #expect(try last(of: opened).hasPrefix("error"), "\(make)")
      }
      // Nor does looking hang.
      _ = try Bus.list()
      _ = try Doctor.examine(name)
      _ = try? Bus.segments(of: name)
      unsafe _ = unlink(taken)
    }
  }

  @Test func aGroupThatIsNotYoursIsRefused() throws {
    let name = TestSpace.busName("foreign")
    defer { TestSpace.clear(name) }
    let actor = try play(
      Self.publishers, ["create", "bus=\(name)", "group=\(Self.others)"])
    #expect(try actor.line() == "ready")
    actor.tell("go")
    let word = try actor.line() ?? ""
    #expect(word.hasPrefix("error 77 "), "\(word)")
    #expect(
      word.contains("\(Self.others)") && word.contains("in group \(Self.publishers)"), "\(word)")
    #expect(TestSpace.segments(of: name) == [])
  }

  @Test func doctorSeesAndMendsAChangedGroup() throws {
    try withShared(Self.cases[4]) { bus in
      let path = "/dev/shm/" + TestSpace.segments(of: bus.name)[1]
      #expect(unsafe chown(path, .max, Self.others) == 0)
      let found = try Doctor.examine(bus.name).filter { $0.fault == .wrongMode }
      #expect(found.count == 1 && found.first?.evidence.contains("\(Self.others)") == true)
      try found.first?.repair()
      #expect(try Doctor.examine(bus.name).filter { $0.fault == .wrongMode } == [])
    }
  }

  // ------------------------------------------------------------------------------------ helpers

  private func withShared(_ shared: Case, _ body: (Bus) throws -> Void) throws {
    let configuration = BusConfiguration(
      slots: 64, slotSize: 64, group: shared.group, publishGroup: shared.publishGroup,
      subscribeGroup: shared.subscribeGroup)
    try withBus(configuration, "shared", body)
  }

  private func segmentName(_ bus: Bus, _ suffix: String) -> String {
    TestSpace.segments(of: bus.name).first { $0.hasSuffix("." + suffix) } ?? "none"
  }

  private func path(_ bus: Bus, _ suffix: String) -> String {
    "/dev/shm/" + segmentName(bus, suffix)
  }

  /// A bus with a group each for publishers and subscribers, whose state is kept.
  private func keptBus() throws -> Bus {
    let name = TestSpace.busName("kept")
    return try Bus.create(
      name,
      BusConfiguration(
        slots: 64, slotSize: 64, publishGroup: Self.publishers, subscribeGroup: Self.subscribers,
        stateDirectory: .path("/tmp/shmbus-state-\(name)"), checkpointEvery: .milliseconds(20)),
      keepsHouse: false)
  }

  private func drop(_ bus: Bus) {
    try? Bus.remove(bus.name, force: true)
    unsafe _ = rmdir("/tmp/shmbus-state-\(bus.name)")
  }

  /// A part played by a user of one group and no other.
  private func play(
    _ group: UInt32, as uid: String = uid, program: String = Actor.path, _ arguments: [String]
  ) throws -> Actor {
    try Actor(
      command: ["setpriv", "--reuid", uid, "--regid", "\(group)", "--clear-groups", program]
        + arguments)
  }

  /// Its last line: what came of it.
  private func last(of actor: Actor) throws -> String {
    var last = ""
    actor.tell("go")
    while let line = try actor.line() { last = line }
    actor.wait()
    return last
  }

  private func answers(of group: UInt32, _ segment: String) throws -> [String] {
    let intruder = try play(group, program: Actor.program("intruder"), ["trespass", segment])
    var found: [String] = []
    while let line = try intruder.line() { found.append(line) }
    intruder.wait()
    return found
  }
}

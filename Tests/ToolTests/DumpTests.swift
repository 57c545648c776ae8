import Glibc
import ShmBus
import TestSupport
import Testing
import ToolSupport

@testable import dump_shm

extension Space {
  /// Runs dump-shm to its end.
  func dump(_ words: String..., environment: [String: String] = [:]) -> Run {
    let run = Run(
      self, [Run.dumpShm] + words, input: nil,
      environment: environment)
    _ = run.code
    return run
  }

  /// A bus with messages and keys in it.
  func fill(_ bus: String, _ options: String...) {
    _ =
      Run(
        self, [Run.tool, "create", bus, "--slots", "64", "--slot-size", "64"] + options, input: nil
      ).code
    let lines = (0..<50).map { "key\($0):message \($0)\n" }.joined()
    shmctl("publish", bus, "--key-separator", ":", input: Array(lines.utf8))
  }

  func segment(_ bus: String, _ part: String) -> String {
    "/dev/shm/shmbus-\(namespace).\(bus).\(part)"
  }

  /// Overwrites bytes of a file.
  func spoil(_ path: String, at offset: Int, _ bytes: [UInt8]) {
    let file = unsafe open(path, O_WRONLY | O_CLOEXEC)
    #expect(unsafe pwrite(file, bytes, bytes.count, offset) == bytes.count)
    close(file)
  }

  /// A copy of a segment under a name of the test's own.
  func copy(_ bus: String, _ part: String) -> String {
    _ = bash("cp \(segment(bus, part)) \(path("copy.\(bus).\(part)"))")
    return path("copy.\(bus).\(part)")
  }
}

/// dump-shm as a user runs it: what it shows, and its exit codes.
@Suite struct DumpTests {
  let space = Space()

  @Test func aBusInOrderIsShown() {
    space.fill("orders")
    let run = space.dump("orders")
    #expect(run.code == 0 && run.errors.isEmpty)
    #expect(run.output.contains("orders, live, ready"))
    #expect(run.output.contains("partition 0: 64 slots, a letter is a slot"))
    #expect(run.output.contains("cursor 50"))
    #expect(run.output.contains("key49"))
    // Nothing for a terminal in a file.
    #expect(!run.output.contains("\u{1B}"))
  }

  @Test func eachOptionShowsItsPart() {
    space.fill("orders", "--checksum", "--partitions", "2")
    let hex = space.dump("orders", "--hex", "--offsets", "0..0", "--partition", "1")
    #expect(hex.code == 0)
    #expect(hex.output.contains("|message "))
    #expect(hex.output.contains("00000000  6d 65 73 73 61 67 65"))
    #expect(!hex.output.contains("partition 0"))
    let map = space.dump("orders", "--map")
    #expect(map.code == 0 && map.output.contains("dddd") && !map.output.contains("OFFSET"))
    let verdict = space.dump("orders", "--verify")
    #expect(verdict.code == 0 && verdict.output.hasSuffix("in order\n"))
    #expect(verdict.output.contains("index entries right"))
  }

  @Test func theJSONIsWhole() throws {
    space.fill("orders", "--checksum")
    let run = space.dump("orders", "--json", "--hex")
    #expect(run.code == 0)
    let text = run.bytes
    var reader = unsafe JSONReader(text.span.bytes)
    let json = try reader.document()
    #expect(json["name"] == .string("orders") && json["damaged"] == .bool(false))
    guard case .array(let partitions)? = json["partitions"],
      case .array(let slots)? = partitions[0]["slots"]
    else { throw Failure(.software, "no slots") }
    #expect(partitions[0]["cursor"] == .integer(UInt64(50)))
    #expect(slots.count == 50)
    #expect(slots[7]["key"] == .string("key7") && slots[7]["payload"] == .string("message 7"))
    #expect(slots[7]["checksumRight"] == .bool(true))
    #expect(json["control"]?["header"]?["slots"] == .integer(UInt64(64)))
  }

  @Test func copiedFilesDo() {
    space.fill("orders")
    let control = space.copy("orders", "control")
    let partition = space.copy("orders", "p0")
    for files in [[control, partition], [control], [partition]] {
      let run = Run(
        space, [Run.dumpShm] + files, input: nil)
      #expect(run.code == 0, "\(run.errors)")
      #expect(run.output.contains("orders"))
    }
    #expect(space.dump(control, partition).output.contains("a copy"))
    #expect(space.dump(partition, "--verify").output.contains("50 messages"))
  }

  @Test func aMissingPartitionIsDamageOfABusButNotOfFiles() {
    space.fill("orders", "--partitions", "2")
    let files = ["control", "p0"].map { space.segment("orders", $0) }
    #expect(space.dump(files[0], files[1]).code == 0)
    #expect(space.dump(files[0], files[0]).code == 64)
    _ = space.bash("rm \(space.segment("orders", "p1"))")
    let run = space.dump("orders")
    #expect(run.code == 65 && run.errors.contains("no segment of partition 1"))
  }

  @Test func damageIs65AndSaysWhere() {
    space.fill("orders", "--checksum")
    let partition = space.copy("orders", "p0")
    // The headers begin at the first page behind index and cells.
    let text = space.read("copy.orders.p0")
    let headers = Int(text[80]) | Int(text[81]) << 8 | Int(text[82]) << 16
    space.spoil(partition, at: headers + 7 * 64, [0])
    let run = space.dump(partition)
    #expect(run.code == 65)
    #expect(run.errors.contains("byte \(headers + 7 * 64), slot 7 (offset 7) magic: found 0x"))
    #expect(run.errors.contains("expected 0x514d4853"))
    #expect(run.output.contains("key49"))
    #expect(space.dump(partition, "--verify").output.hasSuffix("1 fault\n"))
    #expect(space.dump(partition, "--json").output.contains("\"damaged\":true"))
  }

  @Test func aTruncatedFileIs65() {
    space.fill("orders")
    let partition = space.copy("orders", "p0")
    for size in [0, 100, 5000, 20_000] {
      _ = space.bash("truncate -s \(size) \(partition)")
      let run = space.dump(partition, "--verify")
      #expect(run.code == 65)
      #expect(run.errors.hasPrefix("dump-shm: "))
    }
  }

  @Test func aFileThatIsCutWhileItIsReadKillsNobody() async {
    await #expect(processExitsWith: .success) {
      let path = "/tmp/shmbus-cut-\(getpid())"
      let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      defer { unsafe _ = unlink(path) }
      ftruncate(file, 1 << 20)
      TruncationGuard.install()
      let segment = try Segment(path: path)
      ftruncate(file, 4096)
      let report = Inspection.report(of: [segment], named: "cut")
      precondition(report.isDamaged)
    }
  }

  @Test func whatIsNotThereIs66() {
    for word in ["none", "/tmp/none.p0", "./none"] {
      let run = space.dump(word)
      #expect(run.code == 66)
      #expect(run.errors.split(separator: "\n").count == 1 && run.errors.contains("there is no"))
    }
  }

  @Test(arguments: [
    [], ["orders", "--offsets", "9..3"], ["orders", "--offsets", "x"], ["orders", "--nonsense"],
    ["orders", "--json", "--map"], ["orders", "--partition", "-1"], ["/dev/shm"], ["/dev/null"],
  ])
  func nonsenseIs64(words: [String]) {
    let run = Run(space, [Run.dumpShm] + words, input: nil)
    #expect(run.code == 64)
    #expect(run.errors.split(separator: "\n").count == 1)
  }

  @Test func aPartitionThatIsNotThereIs64() {
    space.fill("orders")
    #expect(space.dump("orders", "--partition", "7").code == 64)
  }

  @Test func whatMayNotBeReadIs77() {
    space.fill("orders")
    let tool = Run.dumpShm
    // Root may read everything, and so asks as somebody else, who cannot reach the build's directory.
    let copy = "/tmp/dump-\(space.namespace)"
    let line =
      geteuid() == 0
      ? "cp \(tool) \(copy); setpriv --reuid 65534 --clear-groups \(copy) orders; c=$?; rm \(copy); exit $c"
      : "chmod 0 \(space.segment("orders", "p0")); \(tool) orders"
    let run = space.bash(line)
    #expect(run.code == 77)
    #expect(run.errors.contains("you are uid"))
  }

  @Test func lookingLeavesNoTrace() {
    space.fill("orders")
    let sums =
      "cat \(space.segment("orders", "*")) | sha256sum; ls -l --time-style=full-iso /dev/shm/shmbus-\(space.namespace).*"
    let before = space.bash(sums).output
    #expect(space.dump("orders").code == 0)
    #expect(space.dump("orders", "--verify").code == 0)
    #expect(space.bash(sums).output == before)
  }

  @Test func aDeadBusIsShown() {
    space.fill("orders")
    let reader = space.start("subscribe", "orders")
    #expect(eventually { space.has("subscriber", on: "orders") })
    reader.signal(SIGKILL)
    _ = reader.code
    let run = space.dump("orders")
    #expect(run.code == 0, "\(run.errors)")
    #expect(run.output.contains("dead"))
  }

  @Test func aClosedPipeIsQuiet() {
    space.fill("orders")
    let tool = Run.dumpShm
    let run = space.bash(
      "set -o pipefail; \(tool) orders --map --json 2>&1 | head -c 0; \(tool) orders | true")
    #expect(run.errors.isEmpty)
  }

  @Test func thePictureIsDrawn() {
    space.fill("orders", "--partitions", "3")
    let path = space.path("ring.svg")
    let run = space.dump("orders", "--svg", path)
    #expect(run.code == 0 && run.output.isEmpty && run.errors.isEmpty)
    let picture = String(decoding: space.read("ring.svg"), as: UTF8.self)
    #expect(picture.hasPrefix("<svg ") && picture.hasSuffix("</svg>\n"))
    #expect(picture.contains("orders") && picture.contains("cursor"))
    #expect(picture.split(separator: "partition ").count == 4)
    #expect(space.dump("orders", "--svg", "/proc/none/x.svg").code == 73)
  }

  @Test func helpManualAndCompletions() {
    #expect(space.dump("--help").output.contains("--offsets A..B"))
    #expect(space.dump("--man").output.contains(".TH"))
    #expect(space.dump("--completions", "bash").output.contains("dump-shm"))
    #expect(space.dump("--version").output.hasPrefix("dump-shm "))
  }
}

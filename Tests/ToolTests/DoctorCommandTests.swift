import Glibc
import TestSupport
import Testing
import ToolSupport

/// `shmctl doctor` and `shmctl recover`, as an operator meets them.
struct DoctorCommandTests {
  let space = Space()

  private func path(_ name: String) -> String { "/dev/shm/shmbus-\(space.namespace).\(name)" }

  /// Makes an empty segment.
  private func touch(_ name: String) { close(unsafe open(path(name), O_CREAT | O_WRONLY, 0o600)) }

  @Test func nothingIsWrong() {
    space.shmctl("create", "bus", "--slots", "64")
    #expect(space.shmctl("doctor").code == 0)
    #expect(space.shmctl("doctor", "bus", "--fix").code == 0)
    #expect(space.shmctl("doctor", "nosuch").code == 66)
    #expect(space.shmctl("recover", "nosuch").code == 66)
    #expect(space.shmctl("recover", "bus").output == "Nobody died on bus 'bus'; nothing to free.\n")
  }

  @Test func everyLeftoverGoesWithoutRm() throws {
    space.shmctl("create", "bus", "--slots", "64")
    touch("bus.p5")
    touch("half.control")
    touch("lost.p0")
    #expect(unsafe chmod(path("bus.p0"), 0o644) == 0)
    let before = space.shmctl("doctor")
    #expect(before.code == 69, "\(before.output)")
    #expect(before.output.contains("evidence:") && before.output.contains("fix:"))
    let fixed = space.shmctl("doctor", "--fix", "--json")
    #expect(fixed.code == 0, "\(fixed.output)")
    let report = try JSON.reading(fixed.output)
    #expect(report["mended"]?.elements.count == 4)
    #expect(report["exitCode"] == .integer(0 as UInt64))
    #expect(space.segments.count == 2)
    #expect(space.shmctl("doctor").code == 0)
    #expect(space.shmctl("publish", "bus", input: Array("works\n".utf8)).code == 0)
  }

  @Test func aKilledReaderIsRecovered() throws {
    space.shmctl("create", "bus", "--slots", "64")
    let reader = space.start("subscribe", "bus")
    #expect(eventually { space.has("subscriber", on: "bus") })
    reader.signal(SIGKILL)
    _ = reader.code
    let sick = space.shmctl("doctor", "bus")
    #expect(sick.code == 75)
    #expect(sick.output.contains("pid \(reader.pid) (shmctl)"))
    let recovered = space.shmctl("recover", "bus", "--json")
    let report = try JSON.reading(recovered.output)
    #expect(report["freed"] == .integer(1 as UInt64))
    #expect(report["endpoints"]?.elements.first?["role"] == .string("subscriber"))
    #expect(space.shmctl("doctor", "bus").code == 0)
  }

  @Test func aStoppedReaderIsBlamedAndLeftAlone() {
    space.shmctl("create", "bus", "--slots", "64")
    let reader = space.start("subscribe", "bus")
    #expect(eventually { space.has("subscriber", on: "bus") })
    reader.stop()
    let lines = Array(String(repeating: "x\n", count: 64).utf8)
    #expect(space.shmctl("publish", "bus", input: lines).code == 0)
    let held = space.shmctl("doctor", "bus", "--fix")
    #expect(held.code == 69)
    #expect(held.output.contains("pid \(reader.pid) (shmctl, stopped by a signal)"))
    reader.goOn()
    #expect(eventually { reader.lines.count == 64 })
    #expect(space.shmctl("doctor", "bus").code == 0)
  }

  @Test func damageIsExplainedAndNotTouched() {
    space.shmctl("create", "bus", "--slots", "64")
    #expect(unsafe truncate(path("bus.p0"), 4096) == 0)
    for words in [["doctor"], ["doctor", "--fix"]] {
      let run = space.bash("$shmctl \(words.joined(separator: " "))")
      #expect(run.code == 65)
      #expect(run.output.contains("found 4096, expected"))
      #expect(run.output.contains("shmctl remove --force bus"))
    }
    #expect(space.segments.count == 2)
    #expect(space.shmctl("remove", "--force", "bus").code == 0)
    #expect(space.shmctl("doctor").code == 0)
  }

  @Test(.enabled(if: geteuid() == 0))
  func anotherUserIsTold() {
    space.shmctl("create", "bus", "--slots", "64")
    let run = space.bash("setpriv --reuid 65534 --clear-groups $shmctl doctor")
    #expect(run.code == 77, "\(run.errors)")
    #expect(run.output.contains("[denied] you may not look at it"))
    #expect(run.output.contains("uid 65534"))
  }
}

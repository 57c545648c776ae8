import Glibc
import TestSupport
import Testing
import ToolSupport

/// checkpoint, restore, keeper, and what the others say of a bus whose state is kept.
struct StateCommandTests {
  let space = Space()
  private var state: String { space.path("state") }
  private var folder: String { "\(state)/shmbus-\(space.namespace)/bus" }

  private func shmctl(_ words: String..., input: String? = nil) -> Run {
    let run = Run(
      space, [Run.tool] + words, input: input.map { space.write(Array($0.utf8), to: "in") },
      environment: ["SHMBUS_DIR": state, "SHMBUS_HOUSEKEEPING": "on"])
    _ = run.code
    return run
  }

  /// A bus with a group that has read two of five messages.
  private func withBus(_ body: () throws -> Void) rethrows {
    #expect(shmctl("create", "bus", "--slots", "256", "--slot-size", "64").code == 0)
    #expect(
      shmctl("subscribe", "bus", "--group", "g", "--from", "earliest", "--until-end").code == 0)
    #expect(shmctl("publish", "bus", input: "a\nb\nc\nd\ne\n").code == 0)
    #expect(shmctl("subscribe", "bus", "--group", "g", "--count", "2").lines == ["a", "b"])
    defer {
      for copy in ["meta.0", "meta.1"] { unsafe _ = unlink("\(folder)/\(copy)") }
      for path in [folder, "\(state)/shmbus-\(space.namespace)", state] { unsafe _ = rmdir(path) }
    }
    try body()
  }

  private func reboot() {
    for segment in space.segments { unsafe _ = shm_unlink("/" + segment) }
  }

  @Test func aBusComesBackWithItsGroupsAndSaysWhatIsLost() throws {
    try withBus {
      let checkpoint = try JSON.reading(shmctl("checkpoint", "bus", "--json").output)
      #expect(checkpoint["folder"] == .string(folder))
      #expect(shmctl("stat", "bus").output.contains("state in \(folder), checkpoint"))
      reboot()
      let doctor = shmctl("doctor")
      #expect(doctor.code == 0 && doctor.output.contains("bus [notice] it is not in memory"))
      let again = shmctl("create", "bus")
      #expect(again.code == 73 && again.errors.contains("shmctl restore bus"))

      let origin: Double = 1_073_741_824
      let restore = try JSON.reading(shmctl("restore", "bus", "--json").output)
      #expect(restore["partitions"]?.elements.first?["origin"]?.double == origin)
      #expect(restore["groups"]?.elements == [.string("g")])
      #expect(shmctl("restore", "bus").code == 73)
      #expect(shmctl("publish", "bus", input: "new\n").code == 0)
      let read = shmctl("subscribe", "bus", "--group", "g", "--until-end", "--format", "json")
      let gap = "{\"gap\":{\"partition\":0,\"from\":2,\"to\":1073741824,\"cause\":\"restored\"}}"
      #expect(read.lines.first == gap && read.lines.count == 2)
      #expect(read.errors.contains("lost with the host's memory"))
      #expect(space.dump("bus", "--verify").code == 0)
      #expect(shmctl("remove", "bus").code == 0)
      #expect(shmctl("restore", "bus").code == 66)
    }
  }

  @Test func whoeverOpensItRestoresIt() throws {
    withBus {
      reboot()
      #expect(shmctl("groups", "bus").output.contains("g: ordered"))
      reboot()
      let keeper = Run(
        space, [Run.tool, "keeper", "bus"], input: nil,
        environment: ["SHMBUS_DIR": state, "SHMBUS_HOUSEKEEPING": "on"])
      #expect(eventually { shmctl("stat", "bus").output.contains("kept by pid \(keeper.pid)") })
      keeper.signal(SIGINT)
      #expect(keeper.code == 130)
    }
  }

  @Test func twoDamagedCopiesAreSaidAndShown() throws {
    withBus {
      #expect(shmctl("checkpoint", "bus").code == 0)
      reboot()
      for copy in ["meta.0", "meta.1"] {
        var image = bytes(of: "\(folder)/\(copy)")
        image[600] ^= 1
        write(image, to: "\(folder)/\(copy)")
      }
      let refused = shmctl("stat", "bus")
      #expect(refused.code == 65 && refused.errors.contains("shmctl remove bus"))
      let dump = Run(space, [Run.dumpShm, "\(folder)/meta.0"], input: nil)
      #expect(dump.code == 65 && (dump.output + dump.errors).contains("checksum"))
      #expect(shmctl("remove", "bus").code == 0)
      #expect(shmctl("create", "bus").code == 0)
    }
  }
}

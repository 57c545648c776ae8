import Glibc
import TestSupport
import Testing
import ToolSupport

/// create --storage, sync, adopt, and what the others say of a stored bus.
struct StoredCommandTests {
  let space = Space()

  private func publish(_ range: Range<Int>) {
    let lines = range.map { "\($0)\n" }.joined()
    #expect(space.shmctl("publish", "bus", input: Array(lines.utf8)).code == 0)
  }

  @Test func aBusComesBackAfterAReboot() throws {
    let dir = space.directory
    let create = space.shmctl(
      "create", "bus", "--storage", dir, "--slots", "256", "--slot-size", "64", "--sync",
      "interval:100")
    #expect(create.code == 0)
    #expect(create.output.contains("of files in \(dir), sync interval:100"))
    #expect(space.segments.count == 1)
    publish(0..<20)
    let sync = space.shmctl("sync", "bus", "--json")
    #expect(sync.code == 0)
    let partition = try JSON.reading(sync.output)["partitions"]?.elements.first
    #expect(partition?["durable"] == .integer(20))
    #expect(space.shmctl("stat", "bus").output.contains("durable below 20"))
    let stat = try JSON.reading(space.shmctl("stat", "bus", "--json").output)
    #expect(stat["configuration"]?["storage"] == .string(dir))
    #expect(stat["configuration"]?["checksum"] == .bool(true))
    #expect(space.shmctl("list").output.contains("bus"))
    #expect(space.dump("bus", "--verify").code == 0)
    #expect(space.shmctl("doctor", "bus").code == 0)

    // The reboot: shared memory is empty.
    for segment in space.segments { unsafe _ = shm_unlink("/" + segment) }
    #expect(space.shmctl("stat", "bus").code == 66)
    #expect(space.shmctl("create", "bus", "--storage", dir).code == 73)
    let adopt = space.shmctl("adopt", "bus", "--storage", dir, "--json")
    #expect(adopt.code == 0)
    let back = try JSON.reading(adopt.output)["partitions"]?.elements.first
    #expect(back?["messages"] == .integer(20))
    let cursor = Int(back?["cursor"]?.double ?? 0)
    #expect(cursor >= 20)
    let gap = "{\"gap\":{\"partition\":0,\"from\":20,\"to\":\(cursor),\"cause\":\"lost\"}}"
    let read = space.shmctl(
      "subscribe", "bus", "--from", "earliest", "--until-end", "--format", "json")
    #expect(read.lines.count == 21)
    #expect(read.lines.last == gap)
    #expect(read.errors.contains("lost when the host went down"))
    #expect(space.shmctl("stat", "bus").output.contains("in the last reboot: from 20"))
    #expect(space.shmctl("doctor", "bus").output.contains("reboot"))
    #expect(space.dump("bus", "--verify").code == 0)
    publish(20..<30)
    let late = space.shmctl("subscribe", "bus", "--from", "offset:\(cursor)", "--until-end")
    #expect(late.lines == (20..<30).map { "\($0)" })
    #expect(space.shmctl("remove", "bus").code == 0)
    #expect(space.shmctl("adopt", "bus", "--storage", dir).code == 66)
  }

  @Test func aKeeperSyncsAtTheInterval() throws {
    #expect(
      space.shmctl(
        "create", "bus", "--storage", space.directory, "--slots", "256", "--slot-size", "64",
        "--sync", "interval:5"
      ).code == 0)
    let keeper = space.start("keeper", "bus")
    publish(0..<100)
    #expect(eventually { space.shmctl("stat", "bus").output.contains("durable below 100") })
    keeper.signal(SIGINT)
    #expect(keeper.code == 130)
  }

  @Test func aKeeperEndsSoonAfterItsBus() {
    let options = ["--storage", space.directory, "--slots", "64", "--sync", "interval:3600000"]
    #expect(Run(space, [Run.tool, "create", "bus"] + options, input: nil).code == 0)
    publish(0..<10)
    let keeper = space.start("keeper", "bus")
    #expect(eventually { space.shmctl("stat", "bus").output.contains("durable below 10") })
    #expect(space.shmctl("remove", "bus").code == 0)
    #expect(keeper.code == 0)
  }

  @Test func planAndMistakes() {
    let dir = space.directory
    let plan = space.shmctl("plan", "--storage", dir)
    #expect(plan.output.contains("in files"))
    #expect(space.shmctl("plan", "--storage", dir + "/nowhere").code == 64)
    #expect(space.shmctl("plan", "--sync", "batch").code == 64)
    #expect(space.shmctl("plan", "--storage", dir, "--sync", "sometimes").code == 64)
    #expect(space.shmctl("create", "bus").code == 0)
    #expect(space.shmctl("sync", "bus").code == 64)
    #expect(space.shmctl("adopt", "bus", "--storage", dir).code == 66)
  }
}

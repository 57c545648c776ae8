import Testing
import ToolSupport

/// `shmctl numa`, `--numa` and `--huge-pages`, on whatever host this is.
struct PlacementCommandTests {
  let space = Space()

  @Test func theHostIsShown() {
    let text = space.shmctl("numa")
    #expect(text.code == 0)
    #expect(text.output.hasPrefix("NODE "))
    #expect(text.output.contains("\nHuge pages for shared memory: "))
    let json = space.shmctl("numa", "--json").output
    #expect(json.hasPrefix("{\"known\":"))
    #expect(json.contains("\"nodes\":[{\"node\":"))
    #expect(json.contains("\"hugePages\":{\"given\":"))
    #expect(space.shmctl("numa", "nosuch").code == 66)
  }

  @Test func whatWasAskedForIsToldEverywhere() {
    let created = space.shmctl("create", "bus", "--slots", "64", "--numa", "auto", "--json")
    #expect(created.code == 0)
    #expect(created.output.contains("\"numa\":\"auto\""))
    #expect(created.output.contains("\"placements\":[{\"node\":"))
    #expect(space.shmctl("stat", "bus", "--json").output.contains("\"placement\":{\"node\":"))
    #expect(space.shmctl("stat", "bus").output.contains("NODE   HELD BY"))
    let altered = space.shmctl("alter", "bus", "--partitions", "2", "--json")
    #expect(altered.output.contains("\"placements\":[{\"node\":"))
    let now = space.shmctl("numa", "bus", "--json").output
    #expect(now.hasPrefix("{\"name\":\"bus\",\"partitions\":[{\"partition\":0,\"placement\":{"))
    #expect(space.shmctl("numa", "bus").output.hasPrefix("PARTITION  ASKED FOR"))
    #expect(space.shmctl("doctor", "bus").code == 0)
  }

  @Test func whatCannotBeIsRefused() {
    for list in ["", "one", "0,", "-1", "0 1", "0x0"] {
      #expect(space.shmctl("create", "bus", "--numa", list).code == 64, "\(list)")
    }
    // More nodes than partitions can ever be, and one that no host has.
    #expect(space.shmctl("create", "bus", "--max-partitions", "1", "--numa", "0,0").code == 64)
    let lost = space.shmctl("create", "bus", "--numa", "1023")
    #expect(lost.code == 73 && lost.errors.contains("NUMA node 1023"))
    #expect(space.shmctl("plan", "--numa", "1023").code == 73)
    #expect(space.segments.isEmpty)
  }

  @Test func hugePagesAreUsedOrTheReasonIsTold() {
    let plan = space.shmctl("plan", "--huge-pages", "--json").output
    let isGiven = plan.contains("\"hugePages\":{\"given\":true")
    #expect(isGiven || plan.contains("\"hugePages\":{\"given\":false"))
    let created = space.shmctl("create", "bus", "--huge-pages", "--slots", "16384")
    #expect(created.code == 0)
    // Given means that they may be had, not that whole ones are free.
    #expect(
      created.output.contains("\nHuge pages: ") && (isGiven || created.output.contains("none; ")))
    #expect(space.shmctl("publish", "bus", input: Array("hello\n".utf8)).code == 0)
    let found = space.shmctl("doctor", "bus", "--json").output
    #expect(isGiven || found.contains("\"fault\":\"placement\",\"severity\":\"notice\""))
  }
}

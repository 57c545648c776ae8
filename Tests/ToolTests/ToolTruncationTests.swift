import Glibc
import TestSupport
import Testing

/// Somebody cuts a segment under a tool.
struct ToolTruncationTests {
  let space = Space()

  @Test(arguments: ["p0", "control"])
  func subscribeSaysSoAndEndsWith65(segment: String) {
    #expect(space.shmctl("create", "bus").code == 0)
    let reader = space.start("subscribe", "bus")
    #expect(eventually { space.has("subscriber", on: "bus") })
    let path = "/dev/shm/shmbus-\(space.namespace).bus.\(segment)"
    #expect(unsafe truncate(path, 0) == 0)
    #expect(reader.code == 65)
    #expect(reader.errors.contains("was truncated by somebody"), "\(reader.errors)")
    #expect(reader.errors.split(separator: "\n").count == 1)
    #expect(space.shmctl("remove", "bus", "--force").code == 0)
  }
}

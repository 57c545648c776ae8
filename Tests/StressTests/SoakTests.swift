import Glibc
import TestSupport
import Testing

/// The soak, briefly; `scripts/soak` runs it for as long as you like, on the release build.
@Suite(.serialized) struct SoakTests {
  @Test func everythingIsAccountedFor() throws {
    let seed = Seed.announced("soak")
    let soak = try Actor(
      command: [Actor.program("bus-soak"), "--seconds", "8", "--seed", "\(seed.value)"])
    let lines = try soak.rest(within: 120)
    #expect(soak.wait() == 0 && lines.last?.hasPrefix("clean") == true, "\(lines)")
  }
}

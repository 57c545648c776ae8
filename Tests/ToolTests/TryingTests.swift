import Testing

/// demo and bench, as a newcomer meets them.
@Suite(.serialized)
struct TryingTests {
  let space = Space()

  @Test func theDemoVerifiesEveryMessage() {
    let demo = space.shmctl("demo")
    #expect(demo.code == 0)
    #expect(demo.output.contains("Verified."))
    #expect(demo.output.contains("Try next"))
    #expect(demo.errors.isEmpty)
    #expect(!demo.output.contains("\u{1B}"))
    #expect(demo.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    #expect(space.segments.isEmpty)
  }
}

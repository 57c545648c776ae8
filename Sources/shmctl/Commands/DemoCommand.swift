import Arguments
import ToolSupport

/// `shmctl demo`.
enum DemoCommand {
  static let command = Command(
    "demo", summary: "Watch a bus at work: five processes, every message verified.",
    discussion: """
      Creates a bus of its own, starts two publishers, two subscribers that share its partitions, \
      and an observer; then compares what was sent with what was read, and removes the bus. Takes \
      a few seconds and touches nothing else.
      """,
    under: Heading.trying
  ) { _ in
    try Demo().run()
    return 0
  }
}

import Arguments
import ShmBus
import ToolSupport

/// `shmctl groups`.
enum GroupsCommand {
  static let command = Command(
    "groups", summary: "Show the groups of a bus: heads, lag, owners.",
    discussion: """
      HEAD is the next offset that is not done. LAG is what is there and not done, in slots, and AGE \
      the age of the oldest message of it; LEAD is how far the head is from the oldest message that \
      can still be read, in slots, and SPAN the same in time. A group of 'broadcast' is shown once \
      for each member's name, as GROUP/MEMBER.
      """,
    under: Heading.groups, arguments: [Shmctl.busName],
    options: [Shmctl.keyFile, Shmctl.json]
  ) { parsed in
    let bus = try Shmctl.openBus(parsed)
    let groups = try bus.groups()
    try Program.print(
      parsed[Shmctl.json]
        ? JSON.fields(["groups": .array(groups.map(\.json))]).text + "\n"
        : GroupText.all(groups, of: bus.name))
    return 0
  }
}

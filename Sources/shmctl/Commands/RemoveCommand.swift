import Arguments
import ShmBus

/// `shmctl remove`.
enum RemoveCommand {
  private static let force = Flag(
    "force", help: "Although endpoints live, or although it is damaged. They are told; nobody dies."
  )

  static let command = Command(
    "remove", summary: "Remove a bus.",
    discussion: """
      Its names go at once, its memory when the last process lets go of it. Refused with 69 while \
      publishers or subscribers live, unless --force is given.
      """,
    under: Heading.buses, arguments: [Shmctl.busName], options: [force]
  ) { parsed in
    try Bus.remove(parsed[Shmctl.busName], force: parsed[force])
    return 0
  }
}

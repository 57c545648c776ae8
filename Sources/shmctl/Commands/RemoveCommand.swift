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
      Its names and its state go at once, its memory when the last process lets go of it. Refused \
      with 69 while publishers or subscribers live, and with 77 without its access key, if it has \
      one, unless --force is given.
      """,
    under: Heading.buses, arguments: [Shmctl.busName], options: [force, Shmctl.keyFile]
  ) { parsed in
    let key = try parsed[Shmctl.keyFile].map { try AccessKey(file: $0) }
    try Bus.remove(parsed[Shmctl.busName], key: key, force: parsed[force])
    return 0
  }
}

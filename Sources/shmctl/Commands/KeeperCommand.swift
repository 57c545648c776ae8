import Arguments
import Glibc
import ShmBus
import ToolSupport

/// `shmctl keeper`.
enum KeeperCommand {
  static let command = Command(
    "keeper", summary: "Keep house for a bus, as a service.",
    discussion: """
      Writes checkpoints, frees what the dead left, expires group members that do not poll. Any \
      process that has the bus open does the same, one at a time; this one is for buses that \
      nobody has open for long, and for processes that shall not. If the bus is not in memory, it \
      is restored first. Runs until SIGINT or SIGTERM, or until the bus is removed.
      """,
    under: Heading.buses, arguments: [Shmctl.busName], options: [Shmctl.keyFile],
    examples: [Example("In the background.", "shmctl keeper orders &")]
  ) { parsed in
    Interrupt.install()
    let bus = try Shmctl.openBus(parsed)
    bus.keepHouse(startsAfter: 0, always: true)
    // Ends: with a signal, or the bus.
    while !Interrupt.isPending, !bus.isRemoved { usleep(100_000) }
    return Interrupt.isPending ? Interrupt.exitCode : 0
  }
}

import Arguments
import ToolSupport

/// `shmctl man`.
enum ManCommand {
  static let command = Command(
    "man", summary: "Print the manual page.", under: Heading.shell,
    examples: [
      Example("Read it.", "shmctl man | man -l -"),
      Example("Install it.", "shmctl man > /usr/local/share/man/man1/shmctl.1"),
    ]
  ) { _ in
    try Program.print(Shmctl.tool.manualPage(sections: sections))
    return 0
  }

  private static let sections = [
    ManualSection(
      "EXIT STATUS",
      entries: [
        ("0", "All that was asked for is done."), ("64", "The command line is wrong."),
        ("65", "Data are damaged, or do not fit the bus."), ("66", "No such bus, or no such file."),
        ("69", "The bus exists but cannot be used now, or was removed."),
        ("73", "It could not be created."), ("74", "Reading or writing failed."),
        ("75", "It may work in a moment: the ring stayed full, or somebody else is at it."),
        ("77", "The kernel does not let you."), ("130", "Interrupted (143: terminated)."),
      ]),
    ManualSection(
      "ENVIRONMENT",
      entries: [
        ("SHMBUS_NAMESPACE", "Keeps a set of buses apart: segments are called /shmbus-x.NAME.*"),
        ("NO_COLOR", "If it is set, nothing is coloured."),
      ]),
    ManualSection("FRAMES", text: Frame.description),
    ManualSection("FILES", entries: [("/dev/shm/shmbus.NAME.*", "The segments of a bus.")]),
  ]
}

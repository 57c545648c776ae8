import Arguments
import Glibc
import ShmBus
import ToolSupport

/// The tool as one declaration, and what it does in order: find, decode, render.
enum DumpShm {
  private static let subjects = Argument(
    "NAME|FILE", repeated: .string.completed(by: .lines(of: "shmctl list --names")), atLeast: 0,
    help:
      "A bus of this host, or segments that were copied from /dev/shm, or checkpoints, any of them."
  )
  private static let partition = Option(
    "partition", short: "p", .integer(0...1023), help: "Show this partition only.")
  private static let offsets = Option(
    "offsets", .offsets, help: "Show the messages in this range: 81..90, 81.. or 81.")
  private static let hex = Flag("hex", help: "Show keys and payloads, byte by byte.")
  private static let map = Flag("map", help: "Show the ring only, every slot a letter.")
  private static let verify = Flag(
    "verify", help: "Check every message, checksum and index entry, and show the verdict only.")
  private static let json = Flag("json", help: "Print all there is as JSON.")
  private static let svg = Option(
    "svg", .file, help: "Draw the rings into this file, for a bug report.")
  private static let completions = Option(
    "completions", .choice(Shell.self), help: "Print a script that completes dump-shm.")
  private static let man = Flag("man", help: "Print the manual page.")

  static let tool = Tool(
    Command(
      "dump-shm",
      summary: "Show what lies in the shared memory of a bus, and what is wrong with it.",
      discussion: """
        It looks and never touches: segments are mapped read-only, no row is taken and no lock. \
        The bus may be alive, dead, damaged, or a few files that somebody sent: whatever can be \
        decoded is shown, and what is wrong is said on standard error with its place, what was \
        found and what was expected.

        SHMBUS_NAMESPACE=x in the environment keeps a set of buses apart from all others.

        Exit codes: 0 in order, 64 wrong usage, 65 damaged, 66 no such bus or file, 73 the \
        picture cannot be written, 77 permission.
        """,
      arguments: [subjects],
      options: [partition, offsets, hex, map, verify, json, svg, completions, man],
      conflicts: [
        Conflict(json, map, because: "--json holds the runs of the map"),
        Conflict(json, verify, because: "--json --hex checks everything and lists the findings"),
        Conflict(map, verify, because: "each shows one thing only"),
        Conflict(map, hex, because: "the map shows no bytes"),
      ],
      examples: [
        Example("Look at a bus.", "dump-shm orders"),
        Example("Is it in order?", "dump-shm orders --verify"),
        Example("The bytes of some messages.", "dump-shm orders --offsets 81..90 --hex"),
        Example("What would be restored.", "dump-shm /var/lib/shmbus/shmbus/orders/meta.*"),
        Example(
          "Keep it for later, or for somebody else.",
          "cp /dev/shm/shmbus.orders.* /tmp && dump-shm /tmp/shmbus.orders.*"),
      ],
      run: run),
    version: "0.1.0")

  private static func run(_ parsed: Parsed) throws -> Int32 {
    if let shell = parsed[completions] {
      try Program.print(tool.completions(for: shell))
      return 0
    }
    if parsed[man] {
      try Program.print(tool.manualPage(sections: manualSections))
      return 0
    }
    let subject = try Subject(parsed[subjects])
    let report = Inspection.report(
      of: subject.segments, named: subject.name, isWhole: subject.isWhole,
      only: parsed[partition], options(parsed))
    if let wanted = parsed[partition], report.partitions.isEmpty {
      throw Failure(
        usage: "there is no partition \(wanted) here; leave --partition out to see what there is")
    }
    try render(report, parsed)
    for finding in report.findings {
      let mark = finding.severity == .notice ? " (notice)" : ""
      Program.warn("dump-shm: \(finding)\(mark)")
    }
    if report.findingsOmitted > 0 {
      Program.warn("dump-shm: and \(Numbers.grouped(report.findingsOmitted)) findings more")
    }
    return report.isDamaged ? Failure.Code.damagedData.rawValue : 0
  }

  private static func options(_ parsed: Parsed) -> InspectionOptions {
    var options = InspectionOptions(offsets: parsed[offsets], withPayload: parsed[hex])
    options.verify = parsed[verify] || parsed[json]
    if parsed[map] || parsed[verify] || isOnlyDrawn(parsed) { options.newest = 0 }
    if parsed[json] { options.newest = InspectionOptions.mostMessages }
    return options
  }

  /// A picture for a file, and nothing asked for the terminal.
  private static func isOnlyDrawn(_ parsed: Parsed) -> Bool {
    parsed[svg] != nil
      && !(parsed[json] || parsed[map] || parsed[verify] || parsed[hex] || parsed.contains(offsets))
  }

  private static func render(_ report: BusReport, _ parsed: Parsed) throws {
    if let path = parsed[svg] { try Picture(report).write(to: path) }
    guard !isOnlyDrawn(parsed) else { return }
    var output = OutputBuffer()
    do throws(OutputError) {
      if parsed[json] {
        try JSONReport(report).write(to: &output)
      } else {
        let text = TextReport(report, terminal: .output, full: parsed[map])
        if parsed[verify] {
          try text.verdict(to: &output)
        } else if parsed[map] {
          try text.maps(to: &output)
        } else if parsed.contains(offsets) || parsed[hex] {
          try text.slots(to: &output, withBytes: parsed[hex])
        } else {
          try text.all(to: &output)
        }
      }
      try output.flush()
    } catch {
      // Who closed the pipe has seen enough; the findings and the exit code are still told.
      if error != .closed { throw error }
    }
  }

  private static let manualSections = [
    ManualSection(
      "EXIT STATUS",
      entries: [
        ("0", "Nothing is wrong."), ("64", "The command line is wrong."),
        ("65", "Something is damaged; standard error says what and where."),
        ("66", "No such bus, or no such file."), ("73", "The picture cannot be written."),
        ("74", "Reading or writing failed."), ("77", "The kernel does not let you."),
      ]),
    ManualSection(
      "ENVIRONMENT",
      entries: [
        ("SHMBUS_NAMESPACE", "Keeps a set of buses apart: segments are called /shmbus-x.NAME.*"),
        ("NO_COLOR", "If it is set, nothing is coloured."),
      ]),
  ]
}

extension Form where Value == ClosedRange<UInt64> {
  /// A range of offsets, both ends included.
  fileprivate static var offsets: Form {
    Form("A..B", accepting: "a range of offsets such as 81..90, 81.. or 81") { text in
      guard let dots = text.firstRange(of: "..") else { return UInt64(text).map { $0...$0 } }
      let end = text[dots.upperBound...]
      guard let first = UInt64(text[..<dots.lowerBound]),
        let last = end.isEmpty ? UInt64.max : UInt64(end), first <= last
      else { return nil }
      return first...last
    }
  }
}

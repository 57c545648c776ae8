import ShmBus
import ToolSupport

/// A report as text: a summary, the rings, the messages.
struct TextReport {
  let report: BusReport
  let terminal: Terminal
  /// Every slot a letter, rather than a picture that fits the screen.
  let full: Bool

  init(_ report: BusReport, terminal: Terminal, full: Bool) {
    self.report = report
    self.terminal = terminal
    self.full = full
  }

  func all(to output: inout OutputBuffer) throws(OutputError) {
    for line in checkpoints { try output.append(line + "\n") }
    if isOfCheckpoints { return }
    for line in summary { try output.append(line + "\n") }
    try output.append("\n")
    try maps(to: &output)
    try slots(to: &output, withBytes: false)
  }

  func maps(to output: inout OutputBuffer) throws(OutputError) {
    for partition in report.partitions {
      try RingMap(partition, report.control, terminal, full: full).write(to: &output)
      try output.append("\n")
    }
  }

  func slots(to output: inout OutputBuffer, withBytes: Bool) throws(OutputError) {
    for partition in report.partitions {
      try SlotTable(partition, terminal).write(to: &output, withBytes: withBytes)
      try output.append("\n")
    }
  }

  /// What was checked, and whether it is in order.
  func verdict(to output: inout OutputBuffer) throws(OutputError) {
    if !isOfCheckpoints { try output.append(title + "\n") }
    for checkpoint in report.checkpoints {
      try output.append(
        "  \(checkpoint.file): checkpoint \(checkpoint.number), \(checkpoint.partitions.count) partitions, "
          + "\(checkpoint.groups.count) groups\n")
    }
    for partition in report.partitions {
      guard let ring = partition.ring else {
        try output.append("  partition \(partition.partition): its ring cannot be read\n")
        continue
      }
      let wrong = ring.index.count { $0.standing == .wrong }
      let right = ring.index.count { $0.standing == .right }
      try output.append(
        "  partition \(partition.partition): \(Numbers.grouped(ring.claims.messages)) messages of "
          + "\(Numbers.grouped(ring.claims.payloadBytes)) bytes, "
          + "\(Numbers.grouped(ring.claims.paddings)) paddings, \(ring.claims.open) open, "
          + "\(ring.claims.quarantined) out of use, from \(ring.oldest) to \(ring.cursor); "
          + "\(right) index entries right, \(wrong) wrong\n")
    }
    let damages = report.findings.count { $0.severity == .damage } + report.findingsOmitted
    let verdict =
      damages == 0
      ? terminal.styled("in order", .green)
      : terminal.styled(damages == 1 ? "1 fault" : "\(Numbers.grouped(damages)) faults", .red)
    try output.append("\(verdict)\n")
  }

  /// Nothing but files of the state directory.
  private var isOfCheckpoints: Bool {
    !report.checkpoints.isEmpty && report.control == nil && report.partitions.isEmpty
  }

  var title: String {
    var words = [terminal.styled(report.name, .bold)]
    if let control = report.control {
      let states = ["half created", "ready", "removed"]
      words.append(control.isLive ? "live" : "a copy")
      words.append(control.state < 3 ? states[Int(control.state)] : "state \(control.state)")
      words.append("generation \(String(control.generation, radix: 16))")
      words.append("created \(Moment.seconds(control.created)) UTC")
    } else {
      words.append("without its control segment")
    }
    return words.joined(separator: ", ")
  }
}

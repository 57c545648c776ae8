import Glibc
import ShmBus
import ToolSupport

/// A report as one picture: its rings below each other, who is attached, and what is wrong.
struct Picture {
  private let report: BusReport
  private static let width = 1140.0

  init(_ report: BusReport) { self.report = report }

  func write(to path: String) throws { try SVG.write(document, to: path) }

  var document: String {
    var svg = SVG()
    drawTitle(on: &svg)
    var y = 96.0
    for partition in report.partitions {
      svg.lines([Point(x: 48, y: y), Point(x: Self.width - 48, y: y)], stroke: SVG.line)
      if let ring = partition.ring {
        RingPicture(partition, ring, report.control, top: y).draw(on: &svg)
        y += RingPicture.height
      } else {
        svg.text(
          "partition \(partition.partition): its geometry cannot be told", 48, y + 32,
          fill: SVG.alarm)
        y += 52
      }
    }
    drawEndpoints(on: &svg, &y)
    drawFindings(on: &svg, &y)
    return svg.document(width: Self.width, height: y + 24)
  }

  private func drawTitle(on svg: inout SVG) {
    svg.text(report.name, 48, 56, size: 28, weight: 700)
    svg.text(
      "\(Moment.seconds(report.taken)) UTC", Self.width - 48, 48, size: 13, weight: 600,
      anchor: .end)
    svg.text("dump-shm", Self.width - 48, 66, size: 11, fill: SVG.quiet, anchor: .end)
    guard let control = report.control else {
      return svg.text("without its control segment", 48, 78, fill: SVG.quiet)
    }
    let states = ["half created", "ready", "removed"]
    let state = control.state < 3 ? states[Int(control.state)] : "state \(control.state)"
    let policy = control.holdsPublishers ? "publishers wait when full" : "overwrites when full"
    svg.text(
      "\(control.isLive ? "live" : "a copy"), \(state) \u{00B7} \(policy) \u{00B7} created "
        + "\(Moment.seconds(control.created)) UTC \u{00B7} generation "
        + String(control.generation, radix: 16), 48, 78, fill: SVG.quiet)
  }

  private func drawEndpoints(on svg: inout SVG, _ y: inout Double) {
    guard let control = report.control, !control.endpoints.isEmpty else { return }
    svg.lines([Point(x: 48, y: y), Point(x: Self.width - 48, y: y)], stroke: SVG.line)
    let columns: [(String, Double)] = [
      ("row", 48), ("role", 108), ("pid", 228), ("state", 318), ("heard of", 418),
      ("command", 548),
    ]
    y += 30
    for (name, x) in columns { svg.text(name, x, y, size: 11, fill: SVG.quiet) }
    let shown = control.endpoints.prefix(24)
    for endpoint in shown {
      y += 22
      let colour =
        switch endpoint.state {
        case .alive: "#18794e"
        case .stalled: "#a15c00"
        case .dead: SVG.alarm
        case nil: SVG.quiet
        }
      let texts = [
        "\(endpoint.row)", endpoint.role.rawValue, "\(endpoint.pid)",
        endpoint.state?.rawValue ?? "unknown",
        Moment.age(endpoint.heartbeat, at: report.taken), endpoint.command,
      ]
      for (place, text) in texts.enumerated() {
        svg.text(
          text, columns[place].1, y, weight: place == 3 ? 600 : 400,
          fill: place == 3 ? colour : SVG.ink)
      }
    }
    if control.endpoints.count > shown.count {
      y += 22
      svg.text("and \(control.endpoints.count - shown.count) more", 48, y, fill: SVG.quiet)
    }
    y += 26
  }

  private func drawFindings(on svg: inout SVG, _ y: inout Double) {
    guard !report.findings.isEmpty else { return }
    let shown = report.findings.prefix(12)
    let more = report.findings.count - shown.count + report.findingsOmitted
    let height = Double(shown.count) * 36 + (more > 0 ? 22 : 0) + 44
    svg.box(
      48, y, Self.width - 96, height, fill: "#fef3f2", radius: 8, stroke: "#f4c7c3")
    y += 28
    let count = report.findings.count + report.findingsOmitted
    svg.text(
      count == 1 ? "1 finding" : "\(Numbers.grouped(count)) findings", 64, y, size: 14,
      weight: 700, fill: SVG.alarm)
    for finding in shown {
      y += 20
      svg.text("\(finding.segment), byte \(finding.byte): \(finding.place)", 64, y, weight: 600)
      y += 16
      svg.text(
        Self.cut("found \(finding.found), expected \(finding.expected)"), 64, y, size: 12,
        fill: SVG.quiet)
    }
    if more > 0 {
      y += 22
      svg.text("and \(Numbers.grouped(more)) more", 64, y, fill: SVG.quiet)
    }
    y += 26
  }

  private static func cut(_ text: String) -> String {
    text.count > 130 ? text.prefix(128) + "\u{2026}" : text
  }
}

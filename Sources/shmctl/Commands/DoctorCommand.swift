import Arguments
import ShmBus
import ToolSupport

/// `shmctl doctor`.
enum DoctorCommand {
  private static let name = Argument(
    "NAME", optional: .string.completed(by: .lines(of: "shmctl list --names")),
    help: "The bus; without it, all that is there.")
  private static let fix = Flag(
    "fix", help: "Mend what can be mended without losing anything, and look again.")

  static let command = Command(
    "doctor", summary: "Find and explain every fault of the buses and the host.",
    discussion: """
      Each fault is one sentence of cause, one of evidence and one with the way out. Looking \
      changes nothing. --fix frees what the dead left, clears away what was half created or half \
      removed and segments of no bus, and sets wrong modes right; it never removes a bus that is \
      in use, nor data that are whole.

      Exit codes tell the worst that is left: 0 nothing but notices, 75 what mends itself, 77 what \
      you may not look at, 69 somebody held up, 65 damage.
      """,
    under: Heading.buses, arguments: [name], options: [fix, Shmctl.json],
    examples: [
      Example("Look at everything.", "shmctl doctor"),
      Example("Mend one bus.", "shmctl doctor orders --fix"),
    ]
  ) { parsed in
    var found = try Doctor.examine(parsed[name])
    var attempts: [Attempt] = []
    if parsed[fix] {
      attempts = found.filter(\.isRepairable).map(Attempt.init)
      if !attempts.isEmpty { found = try examineAgain(parsed[name]) }
    }
    let report = DoctorReport(mended: attempts, left: found)
    try Program.print(parsed[Shmctl.json] ? report.json.text + "\n" : report.text)
    return report.exitCode
  }

  /// A leftover that was cleared away was all there was of its bus.
  private static func examineAgain(_ name: String?) throws -> [Diagnosis] {
    do throws(BusError) { return try Doctor.examine(name) } catch {
      if error.code == .notFound { return [] }
      throw error
    }
  }
}

/// One fault that was to be mended.
struct Attempt {
  let diagnosis: Diagnosis
  /// Why it could not be mended; nil when it was.
  let failure: BusError?

  init(_ diagnosis: Diagnosis) {
    self.diagnosis = diagnosis
    do throws(BusError) {
      try diagnosis.repair()
      failure = nil
    } catch { failure = error }
  }
}

/// What the doctor did and what is left, as text and as JSON.
struct DoctorReport {
  let mended: [Attempt]
  let left: [Diagnosis]

  var exitCode: Int32 { left.map(\.severity).max()?.rawValue ?? 0 }

  var text: String {
    var text = ""
    for attempt in mended {
      let diagnosis = attempt.diagnosis
      text +=
        attempt.failure.map { "Not mended: \(diagnosis.subject): \($0.message)\n" }
        ?? "Mended: \(diagnosis.subject): \(diagnosis.finding)\n"
    }
    if !mended.isEmpty, !left.isEmpty { text += "\n" }
    text += left.map { diagnosis in
      """
      \(Terminal.output.styled(diagnosis.subject, .bold)) \
      [\(Terminal.output.styled(diagnosis.severity.word, diagnosis.style))] \(diagnosis.finding)
        evidence: \(diagnosis.evidence)
        fix:      \(diagnosis.fix)

      """
    }.joined(separator: "\n")
    return (left.isEmpty ? text + "Nothing is wrong.\n" : text) + host + "\n"
  }

  /// What the host offers, wrong or not.
  private var host: String {
    let nodes = NUMATopology.host().nodes.count
    return
      "The host has \(nodes) NUMA \(nodes == 1 ? "node" : "nodes"); huge pages for shared memory: "
      + "\(HugePages.host().sentence)."
  }

  var json: JSON {
    .fields([
      "mended": .array(
        mended.map { attempt in
          .fields([
            "subject": .string(attempt.diagnosis.subject),
            "fault": .string(attempt.diagnosis.fault.rawValue),
            "error": attempt.failure.map { .string($0.message) } ?? .null,
          ])
        }),
      "left": .array(
        left.map { diagnosis in
          .fields([
            "subject": .string(diagnosis.subject), "fault": .string(diagnosis.fault.rawValue),
            "severity": .string(diagnosis.severity.word),
            "finding": .string(diagnosis.finding), "evidence": .string(diagnosis.evidence),
            "fix": .string(diagnosis.fix), "repairable": .bool(diagnosis.isRepairable),
          ])
        }),
      "exitCode": .integer(Int(exitCode)),
      "host": .fields([
        "numaNodes": .integer(NUMATopology.host().nodes.count),
        "hugePages": HugePages.host().json,
      ]),
    ])
  }
}

extension Diagnosis {
  fileprivate var style: Terminal.Style {
    switch severity {
    case .notice: .cyan
    case .transient, .denied: .yellow
    case .heldUp, .damaged: .red
    }
  }
}

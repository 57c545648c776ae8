import ShmBus
import ToolSupport

extension TextReport {
  var summary: [String] {
    var lines = [title]
    if let control = report.control {
      let policy = control.holdsPublishers ? "publishers wait" : "the oldest is overwritten"
      lines.append(
        "\(control.partitionCount) partition\(control.partitionCount == 1 ? "" : "s") of \(Numbers.grouped(control.slots)) slots of "
          + "\(control.slotSize) bytes; when full, \(policy); checksums "
          + "\(control.hasChecksums ? "on" : "off"); claim timeout "
          + Moment.nanoseconds(control.claimTimeout))
    }
    lines += [""] + partitions
    guard let control = report.control else { return lines }
    lines += control.partitions.compactMap(\.place)
    lines += starts(control)
    lines += [""] + endpoints(control)
    if !control.groups.isEmpty { lines += [""] + groups(control) }
    if !control.producers.isEmpty { lines += [""] + producers(control) }
    if !control.quarantine.isEmpty { lines += [""] + quarantine(control) }
    return lines
  }

  private var partitions: [String] {
    let head =
      "PARTITION          CURSOR          OLDEST            GATE  MESSAGES  PADDING  OPEN   OUT"
      + "  HELD BY"
    return [terminal.styled(head, .bold)]
      + report.partitions.map { partition in
        guard let ring = partition.ring else {
          return "\(partition.partition)".right(9) + "  its geometry cannot be told"
        }
        return "\(partition.partition)".right(9) + Numbers.grouped(ring.cursor).right(16)
          + Numbers.grouped(ring.oldest).right(16)
          + (ring.gate.map { Numbers.grouped($0) } ?? "?").right(16)
          + Numbers.grouped(ring.claims.messages).right(10)
          + Numbers.grouped(ring.claims.paddings).right(9) + "\(ring.claims.open)".right(6)
          + "\(ring.claims.quarantined)".right(6) + "  " + (ring.holder?.sentence ?? "nobody")
      }
  }

  /// Partitions whose start was moved.
  private func starts(_ control: ControlReport) -> [String] {
    control.partitions.filter { $0.start > 0 }.map {
      "partition \($0.partition): trimmed below \(Numbers.grouped($0.start))"
    }
  }

  private func endpoints(_ control: ControlReport) -> [String] {
    guard !control.endpoints.isEmpty else { return ["Nobody is attached."] }
    let head = "ROW  ROLE        PID      STATE    HEARD OF    LAG          COMMAND"
    return [terminal.styled(head, .bold)]
      + control.endpoints.map { endpoint in
        let style: Terminal.Style? =
          switch endpoint.state {
          case .alive: .green
          case .stalled: .yellow
          case .dead: .red
          case nil: nil
          }
        let state = (endpoint.state?.rawValue ?? "unknown").left(9)
        return "\(endpoint.row)".right(3) + "  " + endpoint.role.rawValue.left(12)
          + "\(endpoint.pid)".left(9) + (style.map { terminal.styled(state, $0) } ?? state)
          + Moment.age(endpoint.heartbeat, at: report.taken).left(12)
          + lag(of: .subscriberRow(endpoint.row), control).left(13) + endpoint.command
          + (endpoint.label.isEmpty ? "" : " (\(endpoint.label))")
      }
  }

  /// Slots from a head to the cursor, over all partitions.
  private func lag(of owner: ControlReport.Head.Owner, _ control: ControlReport) -> String {
    let lags = control.heads.filter { $0.owner == owner }.compactMap { head in
      let ring = report.partitions.first { $0.partition == head.partition }?.ring
      return ring.map { $0.cursor - min($0.cursor, head.offset) }
    }
    return lags.isEmpty ? "-" : Numbers.grouped(lags.reduce(0, &+))
  }

  private func groups(_ control: ControlReport) -> [String] {
    let head =
      "GROUP  NAME                  ASSIGNOR     LAG          HEADS BY PARTITION, AND WHOSE ROW"
    return [terminal.styled(head, .bold)]
      + control.groups.map { group in
        let name = group.member.isEmpty ? group.name : "\(group.name)/\(group.member)"
        let assignor = Assignor.name(ofCode: group.assignor) ?? "\(group.assignor)?"
        return "\(group.row)".right(5) + "  " + name.left(22) + assignor.left(13)
          + lag(of: .groupRow(group.row), control).left(13)
          + heads(of: group, control).joined(separator: "  ")
      }
  }

  /// "1,200 (129)": a head and the row of its owner.
  private func heads(
    of group: ControlReport.GroupRow, _ control: ControlReport
  ) -> [String] {
    group.owners.enumerated().compactMap { partition, owner in
      let head = control.heads.first {
        $0.partition == partition && $0.owner == .groupRow(group.row)
      }
      guard let head else { return nil }
      let row = owner & 0xffff == 0 ? "nobody" : "\((owner & 0xffff) - 1)"
      return "\(Numbers.grouped(head.offset)) (\(row))"
    }
  }

  private func producers(_ control: ControlReport) -> [String] {
    [terminal.styled("PRODUCER  NAME                  LAST SEQUENCE BY PARTITION", .bold)]
      + control.producers.map { producer in
        "\(producer.row)".right(8) + "  " + producer.name.left(22)
          + producer.sequences.map { "\($0.sequence)" }.joined(separator: " ")
      }
  }

  private func quarantine(_ control: ControlReport) -> [String] {
    [terminal.styled("OUT OF USE  PARTITION        OFFSET  SPAN  PUBLISHER  VERDICT", .bold)]
      + control.quarantine.map { row in
        "\(row.row)".right(10) + "\(row.partition)".right(11) + "\(row.offset)".right(14)
          + "\(row.span)".right(6) + (row.publisher.map { "\($0)" } ?? "?").right(11) + "  "
          + row.verdict
      }
  }
}

extension ControlReport.PartitionRow {
  /// Where its memory was to lie, and lay when it was made; nil when nobody asked.
  fileprivate var place: String? {
    guard let node else { return nil }
    let verdicts = [
      "nobody could say where it lay", "all of it lay there", "it did not all lie there",
    ]
    let verdict = placement < 3 ? verdicts[Int(placement)] : "placement \(placement)"
    return "Partition \(partition) was asked onto NUMA node \(node): \(verdict) when it was made."
  }
}

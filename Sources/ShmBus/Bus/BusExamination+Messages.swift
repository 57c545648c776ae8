// Messages that are not what their publisher wrote: only a bus with checksums can tell.

extension BusExamination {
  /// Partitions with messages whose checksum is wrong. Reads the whole ring; disturbs nobody.
  func messageFaults(_ bus: Bus) -> [Diagnosis] {
    guard bus.configuration.checksum else { return [] }
    return (0..<bus.partitions).compactMap { partition in
      let segment = bus.segmentName(partition)
      guard let control = try? Segment(object: name.control),
        let opened = try? Segment(object: segment)
      else { return nil }
      let report = Inspection.report(
        of: [control, opened], named: name.name, only: partition,
        InspectionOptions(newest: 0, verify: true))
      let wrong = report.findings.filter {
        $0.severity == .damage && $0.segment == segment && $0.place.contains("checksum")
      }
      return wrong.isEmpty ? nil : damaged(partition, segment, wrong)
    }
  }

  /// What the last reboot took of a stored bus.
  func rebootNotices(_ bus: Bus) -> [Diagnosis] {
    guard bus.configuration.storage != nil else { return [] }
    return (0..<bus.partitions).compactMap { partition in
      guard let segment = try? bus.segment(partition, writable: false),
        let lost = segment.stored(in: bus, partition)?.lost
      else { return nil }
      return Diagnosis(
        bus.segmentName(partition), .lostInReboot, .notice,
        finding:
          "in the last reboot, messages of partition \(partition) that had not reached the disk were "
          + "lost, or their offsets were never handed out",
        evidence: "stretches of the offsets from \(lost.lowerBound) to \(lost.upperBound) are gaps",
        fix:
          "nothing to mend: readers are told of each gap; publishers that need more call sync(), or "
          + "create the bus with --sync")
    }
  }

  private func damaged(
    _ partition: Int, _ segment: String, _ wrong: [Finding]
  ) -> Diagnosis {
    let places = wrong.prefix(5).map(\.place).joined(separator: ", ")
    return Diagnosis(
      segment, .damagedMessages, .damaged,
      finding: "\(wrong.count == 1 ? "a message" : "\(wrong.count) messages") of partition "
        + "\(partition) changed after being published: somebody who may write the segment wrote there, "
        + "or memory is faulty",
      evidence: "the checksum is wrong at \(places)" + (wrong.count > 5 ? " and others" : ""),
      fix: "readers are told of each ('damaged at offset') and go on behind it; 'dump-shm --verify "
        + "\(name.name)' shows them; they are gone when the ring has come round, or now with "
        + "'shmctl trim'")
  }
}

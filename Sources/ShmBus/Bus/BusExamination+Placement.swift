// What was asked of the host for a bus's memory, and did not come.

extension BusExamination {
  func placementFaults(_ bus: Bus) -> [Diagnosis] {
    guard let placements = try? bus.placements() else { return [] }
    let elsewhere = placements.enumerated().compactMap { partition, placement in
      placement.complaint.map { misplaced(bus.segmentName(partition), partition, $0) }
    }
    return elsewhere + hugePages(bus, placements)
  }

  private func misplaced(
    _ segment: String, _ partition: Int, _ complaint: String
  ) -> Diagnosis {
    Diagnosis(
      segment, .placement, .notice,
      finding: "partition \(partition) \(complaint)",
      evidence:
        "its memory was looked at when it was made; 'shmctl numa \(name.name)' shows where each "
        + "page lies now",
      fix:
        "everything works, slower from far CPUs; 'shmctl numa' shows what is free: make room on the "
        + "node, then create the bus anew")
  }

  private func hugePages(_ bus: Bus, _ placements: [Placement]) -> [Diagnosis] {
    guard bus.configuration.hugePages, placements.allSatisfy({ $0.hugePages == 0 }) else {
      return []
    }
    return [
      Diagnosis(
        name.name, .placement, .notice, finding: "it was to have huge pages, and has none",
        evidence: "none of its partitions got any when it was made; now they are "
          + HugePages.host().sentence,
        fix: "everything works, with more misses of the TLB; allow them and create the bus anew")
    ]
  }
}

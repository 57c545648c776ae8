import CShmBus
import Glibc
import TestSupport
import Testing

@testable import ShmBus

@Suite struct DamagedSegmentTests {
  /// Fields of the control header that steer something, by place and width.
  private static let controlFields: [(String, Int, Int)] = [
    ("magic", 0, 8), ("layout_version", 8, 4), ("header_bytes", 12, 4), ("generation", 16, 8),
    ("state", 24, 8), ("name", 32, 1), ("segment_bytes", 96, 8), ("slots", 128, 8),
    ("slot_size", 136, 4), ("max_partitions", 140, 4), ("max_publishers", 144, 4),
    ("max_subscribers", 148, 4), ("max_groups", 152, 4), ("max_producers", 156, 4),
    ("index_spacing", 160, 4), ("when_full", 164, 4), ("claim_timeout", 168, 8),
    ("options", 176, 8), ("partitions", 184, 8), ("mode", 200, 4), ("sync_policy", 212, 4),
    ("numa_policy", 224, 4), ("state_dir_bytes", 228, 4), ("publisher_rows", 432, 8),
    ("subscriber_rows", 440, 8), ("group_rows", 448, 8), ("partition_table", 512, 8),
    ("endpoint_table", 520, 8), ("head_table", 528, 8), ("group_table", 536, 8),
    ("producer_table", 544, 8), ("sequence_table", 552, 8), ("quarantine_table", 560, 8),
    ("storage_bytes", 896, 4),
  ]

  private static let partitionFields: [(String, Int, Int)] = [
    ("magic", 0, 8), ("layout_version", 8, 4), ("header_bytes", 12, 4), ("generation", 16, 8),
    ("partition", 24, 4), ("slots", 32, 8), ("slot_size", 40, 4), ("max_publishers", 44, 4),
    ("index_spacing", 48, 4), ("index_entries", 52, 4), ("segment_bytes", 56, 8),
    ("cells_offset", 64, 8), ("index_offset", 72, 8), ("headers_offset", 80, 8),
    ("payload_offset", 88, 8), ("cursor", 128, 8),
  ]

  /// All bits set, and one that is merely wrong.
  private func spoil(_ bytes: inout [UInt8], _ place: Int, _ width: Int, _ way: Int) {
    for index in place..<(place + width) {
      bytes[index] = way == 0 ? 0xff : bytes[index] ^ (index == place ? 0x81 : 0)
    }
  }

  @Test(arguments: [0, 1]) func everyFieldOfTheControlHeaderIsWatched(way: Int) throws {
    try withBusyBus { bus, _ in
      let healthy = try Copies(of: bus)
      // A bit more or less of these is as good a value.
      let tolerant = way == 1 ? ["claim_timeout", "mode", "state_dir_bytes"] : []
      for (name, place, width) in Self.controlFields where !tolerant.contains(name) {
        var copies = healthy
        spoil(&copies.control, place, width, way)
        let report = copies.inspected()
        #expect(!report.damages.isEmpty, "\(name)")
        #expect(
          report.findings.contains { $0.byte / 8 == place / 8 },
          "\(name): \(report.damages)")
        // The rest is still decoded: one wrong field is outvoted by the others.
        #expect(report.control?.endpoints.count == 1, "\(name)")
        #expect((report.ring?.claims.messages ?? 0) > 50, "\(name)")
      }
    }
  }

  @Test(arguments: [0, 1]) func everyFieldOfThePartitionHeaderIsWatched(way: Int) throws {
    try withBusyBus { bus, _ in
      let healthy = try Copies(of: bus)
      for (name, place, width) in Self.partitionFields {
        for withControl in [true, false] {
          // Without the control segment nobody can say that a stamp or a number is another's.
          if !withControl, name == "generation" { continue }
          var bytes = healthy.partitions[0]
          spoil(&bytes, place, width, way)
          let segments =
            [Segment(name: "copy.p0", bytes: bytes)]
            + (withControl ? [Segment(name: "copy.control", bytes: healthy.control)] : [])
          let report = Inspection.report(of: segments, named: "copy", .thorough)
          #expect(
            report.findings.contains { $0.segment == "copy.p0" && $0.severity == .damage },
            "\(name)")
          #expect((report.ring?.claims.messages ?? 0) > 50, "\(name), \(withControl)")
        }
      }
    }
  }

  private static let slotFields: [(String, Int, [UInt8])] = [
    ("magic", 0, [0]), ("length", 4, [0xff, 0xff, 0xff, 0xff]), ("length", 4, [0xff, 0xff, 0, 0]),
    ("timestamp", 8, [0, 0, 0, 0, 0, 0, 0, 0]), ("timestamp", 15, [0xff]),
    ("control state", 16, [0]), ("control span", 17, [0xff, 0xff]), ("control lap", 20, [0xff]),
    ("keyHash", 40, [1, 2, 3, 4]), ("keyLength", 44, [0xff, 0xff]), ("flags", 46, [0xff, 0xff]),
    ("checksum", 48, [1, 2, 3, 4]),
  ]

  @Test func everyFieldOfASlotIsWatched() throws {
    try withBusyBus { bus, _ in
      let healthy = try Copies(of: bus)
      let ring = try #require(healthy.inspected().ring)
      let slot = try #require(ring.slots.last { $0.keyLength > 0 })
      let headers = bus.configuration.partitionLayout.headersOffset
      let place = headers + Int(slot.slot) * 64
      for (name, field, bytes) in Self.slotFields {
        var copies = healthy
        copies.partitions[0].replaceSubrange(
          (place + field)..<(place + field + bytes.count), with: bytes)
        let report = copies.inspected()
        #expect(
          report.findings.contains { (place..<(place + 64)).contains($0.byte) },
          "\(name): \(report.damages)")
        // What lies behind it is found again.
        #expect(report.ring?.slots.last?.payload == ring.slots.last?.payload, "\(name)")
      }
      var copies = healthy
      let payload = bus.configuration.partitionLayout.payloadOffset + Int(slot.slot) * 64
      copies.partitions[0][payload] ^= 1
      #expect(copies.inspected().damages.count == 1)
    }
  }

  @Test func headsAnnouncementsAndIndexAreWatched() throws {
    try withBusyBus { bus, publisher in
      let subscriber = try bus.subscriber(from: .earliest)
      let layout = bus.configuration.controlLayout
      let ring = bus.configuration.partitionLayout
      let beyond = [UInt8](repeating: 0xee, count: 8)
      let healthy = try Copies(of: bus)
      #expect(healthy.inspected().damages == [])
      let head =
        layout.headTable + (layout.maxGroups + subscriber.core.row - layout.maxPublishers) * 64
      for (place, isControl) in [
        (head, true), (ring.cellsOffset, false), (ring.cellsOffset + 8, false),
        (ring.indexOffset, false), (layout.endpointTable + 24, true),
        (layout.partitionTable + 128, true), (layout.quarantineTable + 16, true),
      ] {
        var copies = healthy
        if isControl {
          copies.control.replaceSubrange(place..<(place + 8), with: beyond)
        } else {
          copies.partitions[0].replaceSubrange(place..<(place + 8), with: beyond)
        }
        let report = copies.inspected()
        #expect(
          report.findings.contains { (place..<(place + 8)).contains($0.byte) },
          "\(place), \(isControl): \(report.damages)")
      }
    }
  }

  @Test func truncatedFilesAreDecodedAsFarAsTheyGo() throws {
    try withBusyBus { bus, _ in
      let healthy = try Copies(of: bus)
      for isControl in [true, false] {
        let whole = isControl ? healthy.control : healthy.partitions[0]
        let lengths = [0, 1, 7, 8, 100, 255, 256, 1023, 1024, 4095, 4096, 5000, 9000, 20_000]
        for length in lengths + [whole.count - 1] where length < whole.count {
          var copies = healthy
          if isControl {
            copies.control = Array(whole.prefix(length))
          } else {
            copies.partitions[0] = Array(whole.prefix(length))
          }
          #expect(!copies.inspected().damages.isEmpty, "\(length)")
        }
      }
      var copies = healthy
      copies.partitions[0].removeLast(bus.configuration.partitionLayout.payloadBytes)
      // All headers are there, and no payload.
      #expect((copies.inspected(InspectionOptions()).ring?.claims.messages ?? 0) > 50)
    }
  }

  /// Whatever the bytes say: no crash, no hang, nothing read outside.
  @Test func noiseIsSurvived() throws {
    try withBusyBus { bus, _ in
      let healthy = try Copies(of: bus)
      var seed = Seed.announced("inspection noise")
      let start = monotonicNanoseconds()
      for round in 0..<400 {
        var copies = healthy
        let flips = 1 << Int.random(in: 0...10, using: &seed)
        for _ in 0..<flips {
          // Half of them where they hurt most.
          let near = Bool.random(using: &seed)
          if Bool.random(using: &seed) {
            let limit = near ? 1100 : copies.control.count
            copies.control[Int.random(in: 0..<limit, using: &seed)] ^=
              1 << UInt8.random(in: 0...7, using: &seed)
          } else {
            let limit = near ? 26_000 : copies.partitions[0].count
            copies.partitions[0][Int.random(in: 0..<limit, using: &seed)] ^=
              1 << UInt8.random(in: 0...7, using: &seed)
          }
        }
        let report = copies.inspected()
        #expect(report.findings.count <= 2 * FindingLog.limit + 2, "round \(round)")
      }
      #expect(monotonicNanoseconds() - start < 120_000_000_000)
    }
  }
}

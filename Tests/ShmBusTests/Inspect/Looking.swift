import CShmBus
import Glibc
import TestSupport

@testable import ShmBus

/// The bytes of a bus's segments, as `cp` would take them.
struct Copies {
  var control: [UInt8]
  var partitions: [[UInt8]]

  init(of bus: Bus) throws {
    control = try Self.bytes(bus.busName.control)
    partitions = try (0..<bus.partitions).map { try Self.bytes(bus.busName.partition($0)) }
  }

  var segments: [Segment] {
    [Segment(name: "copy.control", bytes: control)]
      + partitions.enumerated().map { Segment(name: "copy.p\($0)", bytes: $1) }
  }

  func inspected(_ options: InspectionOptions = .thorough) -> BusReport {
    Inspection.report(of: segments, named: "copy", options)
  }

  private static func bytes(_ object: String) throws -> [UInt8] {
    let memory = try SharedMemory.open(object, writable: false)
    var bytes = [UInt8](repeating: 0, count: try memory.byteCount())
    let count = unsafe pread(memory.descriptor.number, &bytes, bytes.count, 0)
    precondition(count == bytes.count)
    return bytes
  }
}

extension InspectionOptions {
  static var thorough: InspectionOptions {
    InspectionOptions(newest: 1_000_000, withPayload: true, verify: true)
  }
}

extension Bus {
  /// What an onlooker sees.
  func inspected(_ options: InspectionOptions = .thorough) throws -> BusReport {
    Inspection.report(
      of: try Bus.segments(of: name), named: name, isWhole: true, options)
  }
}

extension BusReport {
  var damages: [String] { findings.filter { $0.severity == .damage }.map(\.description) }
  /// The ring of the only partition.
  var ring: RingReport? { partitions.first?.ring }
}

/// A bus with something of everything: messages, keys, long ones, a batch, padding, a lap and a half.
func withBusyBus(
  _ what: String = "inspect", checksum: Bool = true,
  _ body: (Bus, borrowing Publisher) throws -> Void
) throws {
  let configuration = BusConfiguration(
    slots: 256, slotSize: 64, maxPublishers: 4, maxSubscribers: 4, maxGroups: 2, maxProducers: 2,
    indexSpacing: 16, checksum: checksum)
  try withBus(configuration, what) { bus in
    let publisher = try bus.publisher()
    for number in 0..<200 { try publisher.publish(Pattern.bytes(1, number, count: number)) }
    for number in 0..<20 { try publisher.publish("value \(number)", key: "key \(number)") }
    try publisher.publish(batch: (0..<7).map { Pattern.bytes(2, $0, count: 30 * $0) })
    do {
      let dropped = try publisher.loan(byteCount: 150)
      _ = dropped.byteCount
    }
    try publisher.publish("the last")
    try body(bus, publisher)
  }
}

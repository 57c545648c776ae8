/// Looks up places in one partition, by the index and without it: for benchmarks.
@safe
package final class SeekProbe {
  private let segment: PartitionSegment
  private var ring: Ring { segment.ring }

  package init(_ bus: Bus, partition: Int) throws(BusError) {
    segment = try bus.segment(partition, writable: false)
  }

  /// The first message at or after a time, as ``StartPosition/time(_:)`` finds it.
  package func place(notBefore time: UInt64) -> Offset { ring.messageStart(notBefore: time) }

  /// The same by going from claim to claim, from the oldest message on.
  package func walk(notBefore time: UInt64) -> Offset? {
    ring.walk(toTime: time, from: ring.messageStart(atOrAfter: ring.oldestIntact), to: ring.end)
  }

  /// The first message at or after an offset.
  package func place(atOrAfter offset: Offset) -> Offset { ring.messageStart(atOrAfter: offset) }

  /// The oldest offset, and the one behind the newest.
  package var range: Range<Offset> { ring.oldestIntact..<ring.end }

  /// The time of the message at an offset.
  package func time(at offset: Offset) -> UInt64? { ring.time(at: offset) }
}

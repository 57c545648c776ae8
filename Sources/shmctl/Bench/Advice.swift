import ShmBus
import ToolSupport

/// What a bus needs for a rate: partitions, and a ring that lasts for a while.
struct Advice {
  /// Messages a second that the user wants.
  let target: Int
  let size: Int
  /// What one publisher reaches here by itself, and one subscriber with a publisher beside it.
  let publisher: Double
  let subscriber: Double

  /// How long a subscriber may be away before the ring is full, in seconds.
  static let patience = 0.1

  var partitions: Int {
    max(1, Int((max(Double(target) / publisher, Double(target) / subscriber)).rounded(.up)))
  }

  /// A power of two.
  var slots: Int {
    let needed = Int((Double(target) / Double(partitions) * Self.patience).rounded(.up))
    var slots = 1024
    while slots < needed, slots < 1 << 24 { slots *= 2 }
    return slots
  }

  var slotSize: Int { (size + 63) / 64 * 64 }

  var configuration: BusConfiguration {
    BusConfiguration(
      partitions: partitions, maxPartitions: max(16, partitions), slots: slots, slotSize: slotSize)
  }

  var bytes: Int {
    configuration.controlBytes + partitions * configuration.partitionBytes
  }
}

extension Advice {
  var json: JSON {
    .fields([
      "target": .integer(target), "publisher": .number(publisher),
      "subscriber": .number(subscriber), "partitions": .integer(partitions),
      "slots": .integer(slots), "slotSize": .integer(slotSize), "bytes": .integer(bytes),
    ])
  }

  var text: String {
    """
    \(Numbers.short(publisher)) messages/s is what a publisher reaches by itself here, \
    \(Numbers.short(subscriber)) what a \
    subscriber does beside it.
    \(Numbers.short(Double(target))) messages/s take \(partitions) \
    \(partitions == 1 ? "partition" : "partitions"), each with a processor for its publisher and \
    one for its subscriber.
    \(slots) slots last for a tenth of a second or more; \(Numbers.bytes(bytes)) in all:
      shmctl create NAME --partitions \(partitions) --slots \(slots) --slot-size \(slotSize)

    """
  }
}

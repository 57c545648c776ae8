import ShmBus
import TestSupport

/// What an episode consists of: a function of the seed and its number.
struct EpisodePlan: CustomStringConvertible {
  let number: Int
  let seed: Seed
  let seconds: Double
  let buses: [BusPlan]
  /// Events come at random distances of up to so many milliseconds.
  let pace: UInt64

  struct BusPlan: CustomStringConvertible {
    let configuration: BusConfiguration
    let publishers: Int
    let readers: [Watcher.Role]

    var description: String {
      let shape = configuration
      return "\(shape.partitions) x \(shape.slots) x \(shape.slotSize) \(shape.whenFull),"
        + " claim timeout \(shape.claimTimeout), index \(shape.indexSpacing)"
        + "\(shape.checksum ? ", checksum" : ""), \(publishers) publishers,"
        + " \(readers.map(\.rawValue))"
    }
  }

  init(_ seed: Seed, _ number: Int, atMost limit: Double) {
    var random = seed.branch(UInt64(number))
    self.number = number
    seconds = min([2, 4, 8, 8, 8, 24][Int(random.next() % 6)], max(2, limit - 2))
    pace = [6, 20, 60, 200][Int(random.next() % 4)]
    buses = (0..<[1, 1, 2, 3][Int(random.next() % 4)]).map { _ in BusPlan(&random) }
    self.seed = random
  }

  var description: String {
    "\(seconds) s, pace \(pace) ms; " + buses.map(\.description).joined(separator: "; ")
  }
}

extension EpisodePlan.BusPlan {
  init(_ seed: inout Seed) {
    func one<Value>(of values: [Value]) -> Value { values[Int(seed.next() % UInt64(values.count))] }
    configuration = BusConfiguration(
      partitions: one(of: [1, 1, 2, 4]), slots: one(of: [64, 64, 128, 512, 2048]),
      slotSize: one(of: [64, 64, 128, 192]), whenFull: one(of: [.block, .block, .overwrite]),
      maxPublishers: 16, maxSubscribers: 16,
      claimTimeout: .milliseconds(one(of: [50, 100, 200])), indexSpacing: one(of: [1, 8, 64]),
      checksum: one(of: [false, false, true]))
    publishers = one(of: [1, 2, 3, 4])
    readers = (0..<one(of: [1, 2, 3, 4])).map { _ in one(of: Watcher.Role.allCases) }
  }
}

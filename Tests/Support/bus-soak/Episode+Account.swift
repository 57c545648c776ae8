import ShmBus
import TestSupport

// The account: what readers were given against what publishers wrote down.

extension Episode {
  func account(_ place: Int) throws {
    let bus = buses[place]
    let diaries = members.filter { $0.place == place && $0.isPublisher }.map(\.diary)
    let late = try latecomer(bus)
    for partition in try bus.status().partitions {
      var ledger = Ledger(of: diaries, partition: partition.partition)
      var readings: [Reading] = []
      for member in members where member.place == place && !member.isPublisher {
        readings += Reading.all(
          of: member.diary, reader: member.name, partition: partition.partition)
      }
      readings += Reading.all(of: late, reader: "latecomer", partition: partition.partition)
      if let fault = ledger.fault(in: readings, cursor: partition.cursor) {
        faults.append("partition \(partition.partition): \(fault)")
      }
      count(ledger, readings)
    }
  }

  /// Reads from the earliest message on, when all is over.
  private func latecomer(_ bus: Bus) throws -> Diary {
    let diary = Diary(entries: bus.partitions * bus.configuration.slots + 1_000)
    diary.order = .drain
    var watcher = Watcher(.subscriber, bus.configuration, seed, diary: diary)
    try watcher.watch(bus)
    return diary
  }

  private func count(_ ledger: Ledger, _ readings: [Reading]) {
    for message in ledger.sent {
      switch message.verdict {
      case .published: tally[.published] += 1
      case .unknown: tally[message.isVisible ? .appeared : .lost] += 1
      case .fenced: tally[.fenced] += 1
      case .refused, .dropped: tally[.refused] += 1
      }
    }
    for reading in readings {
      tally[.stays] += 1
      tally[.delivered] += reading.seen.count
      tally[.gaps] += reading.gaps.count
      for gap in reading.gaps { tally[.missed] += Int(gap.to - gap.from) }
    }
  }
}

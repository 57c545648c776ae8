import ShmBus
import TestSupport
import Testing

/// Any interleaving of publishes of any sizes by several publishers equals what readers see.
@Suite(.serialized) struct InterleavingTests {
  @Test(arguments: [BusConfiguration.WhenFull.block, .overwrite])
  func readersSeeWhatPublishersDid(whenFull: BusConfiguration.WhenFull) throws {
    let seed = Seed.announced("interleavings, \(whenFull)")
    for round in 0..<40 { try play(seed.branch(UInt64(round)), whenFull) }
  }

  private func geometry(
    _ seed: inout Seed, _ whenFull: BusConfiguration.WhenFull
  ) -> BusConfiguration {
    let slots = [64, 64, 128, 512][Int(seed.next() % 4)]
    return BusConfiguration(
      slots: slots, slotSize: [64, 64, 192][Int(seed.next() % 3)], whenFull: whenFull,
      claimTimeout: .seconds(60), indexSpacing: [1, 8, 64][Int(seed.next() % 3)],
      checksum: seed.oneIn(4))
  }

  private func play(_ given: Seed, _ whenFull: BusConfiguration.WhenFull) throws {
    var seed = given
    let configuration = geometry(&seed, whenFull)
    let publishers = 1 + Int(seed.next() % 3)
    let roles = (0..<(1 + Int(seed.next() % 3))).map { _ in
      Watcher.Role.allCases.randomElement(using: &seed) ?? .subscriber
    }
    try withBus(configuration, "stress") { bus in
      let writers = (0..<publishers).map { _ in Diary(entries: 10_000) }
      let readers = roles.map { _ in Diary(entries: 40_000) }
      let failures = Shared<[String]>([])
      let watching = roles.indices.map { index in
        Thread {
          var watcher = Watcher(
            roles[index], configuration, given.branch(UInt64(100 + index)), diary: readers[index])
          do { try watcher.watch(bus) } catch { failures.change { $0.append("reader: \(error)") } }
        }
      }
      #expect(eventually { readers.allSatisfy(\.hasJoined) })
      inParallel(
        (0..<publishers).map { id in
          {
            var player = Player(id, configuration, given, diary: writers[id])
            do { try player.play(bus, steps: 300) } catch {
              failures.change { $0.append("publisher \(id): \(error)") }
            }
          }
        })
      for reader in readers { reader.order = .drain }
      for thread in watching { thread.join() }
      let what = Comment(
        rawValue: "\(publishers) publishers, \(roles), \(configuration), seed \(given.value)")
      #expect(failures.value == [], what)
      let cursor = try bus.status().partitions[0].cursor
      var ledger = Ledger(of: writers, partition: 0)
      #expect(ledger.covers(upTo: cursor) == nil, what)
      let readings = zip(readers, roles).flatMap {
        Reading.all(of: $0, reader: "\($1)", partition: 0)
      }
      #expect(readings.count == roles.count && readings.allSatisfy(\.isDrained), what)
      #expect(ledger.fault(in: readings, cursor: cursor) == nil, what)
    }
  }
}

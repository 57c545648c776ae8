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
      let done = Shared(false)
      let ledger = Shared(Ledger())
      let readings = Shared<[Reading]>([])
      let joined = Shared(0)
      let readers = roles.map { role in
        Thread { read(bus, role, done, readings, joined) }
      }
      guard eventually({ joined.value == roles.count }) else {
        Issue.record("readers did not join")
        return
      }
      inParallel(
        (0..<publishers).map { id in
          {
            var player = Player(id, configuration, given)
            player.play(bus, steps: 300)
            let own = player.ledger
            ledger.change {
              $0.sent += own.sent
              $0.padding += own.padding
              $0.failures += own.failures
            }
          }
        })
      done.change { $0 = true }
      for reader in readers { reader.join() }
      let what = Comment(
        rawValue: "\(publishers) publishers, \(roles), \(configuration), seed \(given.value)")
      #expect(ledger.value.failures == [], what)
      let cursor = try bus.status().partitions[0].cursor
      #expect(ledger.value.covers(upTo: cursor) == nil, what)
      #expect(ledger.value.isInOrder(), what)
      #expect(readings.value.count == roles.count, what)
      for reading in readings.value {
        #expect(ledger.value.differs(from: reading, from: 0) == nil, what)
        if whenFull == .block, !roles.contains(.observer) { #expect(reading.gaps == [], what) }
      }
    }
  }
}

private func read(
  _ bus: Bus, _ role: Watcher.Role, _ done: Shared<Bool>, _ readings: Shared<[Reading]>,
  _ joined: Shared<Int>
) {
  var watcher = Watcher(role)
  do {
    var subscriber =
      role == .observer ? try bus.observer(from: .earliest) : try bus.subscriber(from: .earliest)
    joined.change { $0 += 1 }
    watcher.watch(&subscriber, until: done)
  } catch { watcher.reading.failures.append("\(error)") }
  let reading = watcher.reading
  readings.change { $0.append(reading) }
}

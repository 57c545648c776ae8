import TestSupport
import Testing

@testable import ShmBus

@Suite struct PrefaultTests {
  private static let slots = 4096

  /// What a process of its own says of its page faults while it publishes or reads.
  private func faults(_ bus: Bus, _ part: String, _ count: Int) throws -> Int {
    let actor = try Actor(
      command: [Actor.program("placed-actor"), part, bus.name, "\(count)"])
    let line = try #require(try actor.line(within: 60))
    let words = line.split(separator: " ")
    #expect(words.first == "faults", "\(line)")
    return try #require(words.dropFirst().first.flatMap { Int($0) })
  }

  /// The fewest of three: a process that met a page of code for the first time did not fault for the bus.
  private func fewest(_ count: () throws -> Int) throws -> Int {
    var fewest = Int.max
    for _ in 0..<3 where fewest > 0 { fewest = min(fewest, try count()) }
    return fewest
  }

  private func configuration(_ prefault: Bool) -> BusConfiguration {
    BusConfiguration(
      slots: Self.slots, slotSize: 256, prefault: prefault, numa: prefault ? .auto : .none)
  }

  @Test func publishingToAPrefaultedBusFaultsNot() throws {
    let prefaulted = try fewest {
      try withBus(configuration(true)) { try faults($0, "faults-publish", 2) }
    }
    let plain = try withBus(configuration(false)) { try faults($0, "faults-publish", 2) }
    print(
      "faults of \(2 * Self.slots) messages published: prefaulted \(prefaulted), plain \(plain)")
    #expect(prefaulted == 0)
    // One for each page of payload, at least: the count counts.
    #expect(plain >= Self.slots * 256 / 4096)
  }

  @Test func readingFromAPrefaultedBusFaultsNot() throws {
    func reading(_ prefault: Bool) throws -> Int {
      try withBus(configuration(prefault)) { bus in
        let publisher = try bus.publisher()
        for number in 0..<Self.slots { try publisher.publish("message \(number)") }
        return try faults(bus, "faults-read", Self.slots - 300)
      }
    }
    let prefaulted = try fewest { try reading(true) }
    let plain = try reading(false)
    print("faults of \(Self.slots - 300) messages read: prefaulted \(prefaulted), plain \(plain)")
    #expect(prefaulted == 0)
    // The kernel maps a few pages around each that is read.
    #expect(plain >= 8)
  }
}

import CShmBus
import TestSupport
import Testing

@testable import ShmBus

/// What a segment says never crashes a reader, never makes it look outside, never traps it in a loop.
@Suite struct CorruptRingTests {
  private func withRing(_ bus: Bus, _ body: (Ring) throws -> Void) throws {
    let segment = try bus.segment(0, writable: true)
    try withExtendedLifetime(segment) { try body(segment.ring) }
  }

  /// Reads at most `limit` times; how often it was given something.
  private func read(_ reader: inout Subscriber, limit: Int) -> Int {
    var given = 0
    for _ in 0..<limit {
      do {
        guard let message = try reader.copy(within: .zero) else { return given }
        _ = message
      } catch {}
      given += 1
    }
    return given
  }

  @Test(arguments: [0, 17, 100, 4095] as [UInt64], ["subscriber", "observer", "late"])
  func aSpanThatCannotBe(span: UInt64, role: String) throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var early = role == "observer" ? try bus.observer() : try bus.subscriber()
      for number in 0..<20 { try publisher.publish(Pattern.bytes(1, number, count: 64)) }
      try withRing(bus) { ring in
        ring.commit(0, span: span, publisher: 0)
        unsafe ring.header(0).base.storeBytes(of: UInt32.max >> 1, toByteOffset: 4, as: UInt32.self)
        if role == "late" { early = try bus.subscriber(from: .earliest) }
        #expect(read(&early, limit: 100) < 100)
        unsafe ring.header(0).base.storeBytes(of: 64 * 20, toByteOffset: 4, as: UInt32.self)
        var second = try bus.observer(from: .earliest)
        #expect(read(&second, limit: 100) < 100)
      }
    }
  }

  @Test func lengthsBeyondTheSpanAreDamage() throws {
    for (length, keyLength) in [(65, 0), (64, 1), (UInt32.max, 0), (UInt32.max, UInt16.max)]
      as [(UInt32, UInt16)]
    {
      try withBus { bus in
        let publisher = try bus.publisher()
        var subscriber = try bus.subscriber()
        var observer = try bus.observer()
        for number in 0..<3 { try publisher.publish("\(number)") }
        try withRing(bus) { ring in
          let base = unsafe ring.header(1).base
          unsafe base.storeBytes(of: length, toByteOffset: 4, as: UInt32.self)
          unsafe base.storeBytes(of: keyLength, toByteOffset: 44, as: UInt16.self)
        }
        #expect(try subscriber.text() == "0")
        #expect(subscribeError { _ = try subscriber.copy() } == .damaged(partition: 0, offset: 1))
        #expect(try subscriber.text() == "2", "reading goes on behind it")
        #expect(try observer.text() == "0")
        #expect(subscribeError { _ = try observer.copy() } == .damaged(partition: 0, offset: 1))
        #expect(try observer.text() == "2")
      }
    }
  }

  @Test func aChecksumThatDoesNotFitIsDamage() throws {
    for whenFull in [BusConfiguration.WhenFull.block, .overwrite] {
      let configuration = BusConfiguration(
        slots: 64, slotSize: 64, whenFull: whenFull, checksum: true)
      try withBus(configuration) { bus in
        let publisher = try bus.publisher()
        var subscriber = try bus.subscriber()
        var observer = try bus.observer()
        for number in 0..<3 { try publisher.publish("payload \(number)", key: "key") }
        try publisher.publish(batch: [[1], [2]])
        var loan = try publisher.loan(byteCount: 100)
        loan.fill(Pattern.bytes(1, 1, count: 100))
        loan.truncate(to: 70)
        try loan.publish()
        try withRing(bus) { ring in
          unsafe ring.cell(1).storeBytes(of: 0, toByteOffset: 3, as: UInt8.self)
        }
        for error in [
          subscribeError { _ = try (subscriber.copy(), subscriber.copy()) },
          subscribeError { _ = try (observer.copy(), observer.copy()) },
        ] { #expect(error == .damaged(partition: 0, offset: 1)) }
        #expect(try subscriber.ready().map(\.offset) == [2, 3, 4, 5])
        #expect(try observer.ready().map(\.offset) == [2, 3, 4, 5])
      }
    }
  }

  @Test func theDoctorFindsAChangedMessage() throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, checksum: true)) { bus in
      let publisher = try bus.publisher()
      for number in 0..<5 { try publisher.publish("message \(number)", key: "key") }
      func faults() throws -> [Diagnosis] {
        try Doctor.examine(bus.name).filter { $0.fault == .damagedMessages }
      }
      #expect(try faults() == [])
      try withRing(bus) { ring in
        unsafe ring.cell(3).storeBytes(of: 0, toByteOffset: 2, as: UInt8.self)
      }
      let found = try faults()
      #expect(found.count == 1 && found.first?.severity == .damaged)
      #expect(found.first?.evidence.contains("offset 3") == true, "\(found)")
    }
  }

  @Test func noiseEverywhereEndsNoReader() throws {
    var seed = Seed.announced("noise")
    for _ in 0..<60 {
      try withBus(BusConfiguration(slots: 64, slotSize: 64, indexSpacing: 8)) { bus in
        let publisher = try bus.publisher()
        for number in 0..<40 { try publisher.publish(Pattern.bytes(1, number, count: 100)) }
        try withRing(bus) { ring in
          for slot in 0..<64 as Range<Offset> where seed.oneIn(3) {
            for word in 0..<8 {
              let noise =
                word == 2 && seed.oneIn(2)
                ? ControlWord(
                  state: seed.next() & 3, lap: 1 + (seed.next() & 1), span: seed.next() & 4095,
                  publisher: seed.next() & 1023
                ).raw : seed.next()
              unsafe ring.header(slot).base.storeBytes(
                of: noise, toByteOffset: word * 8, as: UInt64.self)
            }
          }
          unsafe ring.index.storeBytes(of: seed.next(), as: UInt64.self)
        }
        for start in [.earliest, .latest, .offset(seed.next() % 200)] as [StartPosition] {
          var subscriber = try bus.subscriber(from: start)
          #expect(read(&subscriber, limit: 500) < 500)
          var observer = try bus.observer(from: start)
          #expect(read(&observer, limit: 500) < 500)
        }
      }
    }
  }
}

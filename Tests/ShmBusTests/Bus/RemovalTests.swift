import TestSupport
import Testing

@testable import ShmBus

@Suite struct RemovalTests {
  @Test func aBusInUseIsNotRemoved() throws {
    try withBus { bus in
      for role in ["publisher", "subscriber", "observer"] {
        let publisher = role == "publisher" ? try bus.publisher() : nil
        let subscriber =
          role == "subscriber"
          ? try bus.subscriber() : role == "observer" ? try bus.observer() : nil
        let error = busError { try Bus.remove(bus.name) }
        #expect(error?.code == .unavailable)
        let message = error?.message ?? ""
        #expect(
          message.contains("in use by 1 endpoint") && message.contains("--force"), "\(message)")
        #expect(!bus.isRemoved)
        _ = consume publisher
        _ = consume subscriber
      }
      try Bus.remove(bus.name)
    }
  }

  @Test func forceTellsSubscribersAfterTheLastMessage() throws {
    try withBus { bus in
      let publisher = try bus.publisher()
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      for number in 0..<5 { try publisher.publish("\(number)") }
      try Bus.remove(bus.name, force: true)
      for number in 0..<5 {
        #expect(try subscriber.text() == "\(number)", "what was there is still read")
        #expect(try observer.text() == "\(number)")
      }
      #expect(subscribeError { _ = try subscriber.copy() } == .removed)
      #expect(subscribeError { _ = try observer.copy() } == .removed)
      #expect(subscribeError { _ = try subscriber.copy(within: .zero) } == .removed)
      #expect(subscribeError { _ = try subscriber.poll(max: 3) } == .removed)
    }
  }

  @Test func forceWakesSleepers() throws {
    try withBus { bus in
      let name = bus.name
      let errors = Shared<[SubscribeError]>([])
      let refusal = Shared<PublishError?>(nil)
      let reader = Thread {
        guard var observer = try? Bus.open(name).observer(wait: .sleep) else { return }
        if let error = subscribeError({ _ = try observer.copy() }) {
          errors.change { $0.append(error) }
        }
      }
      let row = bus.map.endpoint(bus.configuration.maxPublishers)
      #expect(eventually { row.asleep.loadAcquire() != 0 })
      let holder = try bus.subscriber()
      let writer = Thread {
        guard let publisher = try? Bus.open(name).publisher(wait: .sleep) else { return }
        let error = publishError { for _ in 0..<65 { try publisher.publish("x") } }
        refusal.change { $0 = error }
      }
      #expect(eventually { bus.map.endpoint(0).asleep.loadAcquire() != 0 })
      try Bus.remove(name, force: true)
      reader.join()
      writer.join()
      // The reader may have been woken by the messages first.
      #expect(errors.value == [.removed] || errors.value == [])
      #expect(refusal.value == .removed)
      _ = consume holder
    }
  }

  /// Nobody publishes into a bus that is gone for ever: a publisher is told within one lap of the ring.
  @Test(arguments: [BusConfiguration.WhenFull.block, .overwrite])
  func aPublisherIsToldWithinALap(whenFull: BusConfiguration.WhenFull) throws {
    try withBus(BusConfiguration(slots: 64, slotSize: 64, whenFull: whenFull)) { bus in
      let publisher = try bus.publisher(timeout: patience)
      for _ in 0..<10 { try publisher.publish("x") }
      try Bus.remove(bus.name, force: true)
      #expect(publishError { for _ in 0..<129 { try publisher.publish("x") } } == .removed)
      #expect(publishError { _ = try publisher.loan(byteCount: 1) } == .removed)
    }
  }
}

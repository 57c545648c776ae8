import Glibc
import TestSupport
import Testing

@testable import ShmBus

@Suite struct EndpointTests {
  /// Endpoints of one bus, each on a thread that keeps it until it is told.
  private func attach(
    _ count: Int, _ name: String, until done: Shared<Bool>, _ failures: Shared<[BusError]>,
    attached: Shared<Int>, subscriber: Bool
  ) -> [Thread] {
    (0..<count).map { _ in
      Thread {
        do throws(BusError) {
          let bus = try Bus.open(name)
          let reader: Subscriber? = subscriber ? try bus.subscriber() : nil
          let writer: Publisher? = subscriber ? nil : try bus.publisher()
          attached.change { $0 += 1 }
          // Ends: the test says so.
          while !done.value { usleep(1_000) }
          _ = consume reader
          _ = consume writer
        } catch { failures.change { $0.append(error) } }
      }
    }
  }

  @Test func exhaustionIsAClearErrorAndRowsAreUsedAgain() throws {
    let configuration = BusConfiguration(
      slots: 64, slotSize: 64, maxPublishers: 3, maxSubscribers: 2)
    try withBus(configuration) { bus in
      for _ in 0..<5 {
        let publishers = (0..<3).map { _ in try? PublisherCore(bus, .sticky) }
        #expect(publishers.allSatisfy { $0 != nil })
        let error = busError { _ = try bus.publisher() }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("all 3 rows for publishers") == true)
        #expect(error?.message.contains("--max-publishers") == true)
        let first = try bus.subscriber()
        let second = try bus.observer()
        let none = busError { _ = try bus.subscriber() }
        #expect(none?.code == .unavailable)
        #expect(none?.message.contains("all 2 rows for subscribers") == true)
        _ = consume first
        _ = consume second
        withExtendedLifetime(publishers) {}
      }
    }
  }

  @Test func hundredsOfEndpoints() throws {
    let configuration = BusConfiguration(
      slots: 64, slotSize: 64, maxPublishers: 300, maxSubscribers: 300)
    try withBus(configuration) { bus in
      let done = Shared(false)
      let failures = Shared<[BusError]>([])
      let attached = Shared(0)
      let threads =
        attach(
          150, bus.name, until: done, failures, attached: attached, subscriber: true)
        + attach(150, bus.name, until: done, failures, attached: attached, subscriber: false)
      #expect(eventually(within: 60) { attached.value + failures.value.count == 300 })
      #expect(failures.value == [])
      let publisher = try bus.publisher()
      #expect(try publisher.publish("to all of them") == 0)
      let status = try bus.status()
      #expect(status.endpoints.count == 301)
      // Whether they are alive or stalled is a question of how busy the machine is.
      #expect(status.endpoints.allSatisfy { $0.state != .dead && $0.pid == Int(getpid()) })
      done.change { $0 = true }
      for thread in threads { thread.join() }
      #expect(try bus.status().endpoints.count == 1)
      for number in 0..<200 { try publisher.publish("\(number)", timeout: .zero) }
    }
  }

  @Test func nothingLeaksOverAHundredRounds() async {
    await #expect(processExitsWith: .success) {
      let name = TestSpace.busName("leak")
      defer { TestSpace.clear(name) }
      _ = try Bus.create(name, BusConfiguration(partitions: 3, slots: 64, slotSize: 64))
      func round() throws {
        let bus = try Bus.open(name)
        let publisher = try bus.publisher()
        var subscriber = try bus.subscriber()
        let observer = try bus.observer()
        try publisher.publish("x", timeout: .zero)
        let text = try subscriber.text()
        precondition(text == "x")
        _ = try publisher.loan(byteCount: 1)
        precondition(busError { _ = try Bus.create(name) } != nil)
        precondition(busError { _ = try bus.subscriber(partitions: [7]) } != nil)
        precondition(busError { try Bus.remove(name) } != nil)
        _ = consume observer
      }
      try round()
      let (descriptors, mappings) = try (openDescriptorCount(), mappingCount())
      for _ in 0..<100 { try round() }
      let (descriptorsNow, mappingsNow) = try (openDescriptorCount(), mappingCount())
      precondition(descriptorsNow == descriptors, "\(descriptors), now \(descriptorsNow)")
      // The allocator may map some of its own.
      precondition(mappingsNow < mappings + 20, "\(mappings), now \(mappingsNow)")
      let left = try Bus.open(name).status().endpoints
      precondition(left.isEmpty)
    }
  }

  /// At defaults: a bus that may grow to sixteen partitions, and has one.
  @Test func anEndpointTakesLessThanFourKiBOfItsProcess() async {
    await #expect(processExitsWith: .success) {
      let name = TestSpace.busName("small")
      defer { TestSpace.clear(name) }
      let bus = try Bus.create(name, BusConfiguration())
      func ownKiB() throws -> Int {
        let lines = try KernelFile.text(at: "/proc/self/status").split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("RssAnon:") })
        return try #require(Int(line.filter(\.isNumber)))
      }
      func pair() throws -> (PublisherCore, SubscriberCore) {
        (
          try PublisherCore(bus, .sticky),
          try SubscriberCore(
            bus, .subscriber, chosen: nil, from: .latest, wait: .balanced, pinning: .unasked)
        )
      }
      // What the first one alone takes is not theirs.
      var pairs = [try pair()]
      let before = try ownKiB()
      for _ in 0..<100 { pairs.append(try pair()) }
      let taken = try ownKiB() - before
      withExtendedLifetime(pairs) {}
      #expect(taken < 200 * 4, "\(taken) KiB for 200 endpoints")
    }
  }

  /// The bus is gone for everybody but the endpoint, and then the endpoint goes.
  @Test func anEndpointKeepsItsBusMapped() throws {
    try withBus { bus in
      let name = bus.name
      for _ in 0..<20 {
        var subscriber = try Bus.open(name).subscriber()
        let publisher = try Bus.open(name).publisher()
        let observer = try Bus.open(name).observer()
        try publisher.publish("x")
        #expect(try subscriber.text() == "x")
        _ = consume observer
      }
    }
  }
}

extension PublisherCore {
  /// As `Bus.publisher()` makes it, in something that an array can hold.
  fileprivate convenience init(_ bus: Bus, _ partitioner: Partitioner) throws(BusError) {
    try self.init(bus, partitioner: partitioner, wait: .balanced, timeout: .seconds(1))
  }
}

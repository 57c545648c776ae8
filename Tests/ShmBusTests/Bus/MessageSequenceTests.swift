import TestSupport
import Testing

@testable import ShmBus

/// Messages as an asynchronous sequence.
@Suite struct MessageSequenceTests {
  private func bus(_ configuration: BusConfiguration = BusConfiguration(slots: 64)) throws -> Bus {
    try Bus.create(TestSpace.busName(), configuration)
  }

  @Test func everyMessageComesInOrderWhilePublishersWait() async throws {
    let bus = try bus(BusConfiguration(partitions: 2, slots: 64, slotSize: 64))
    defer { try? Bus.remove(bus.name, force: true) }
    let messages = try bus.subscriber(from: .earliest).messages()
    let publishing = Thread {
      // Longer than other tests can keep the pool, whose threads the reader shares, to themselves.
      guard let publisher = try? bus.publisher(timeout: .seconds(240)) else { return }
      var number = 0
      // Ends: a busy machine may stop it in a claim for longer than the bus waits, and then it publishes anew.
      while number < 5_000 {
        do throws(PublishError) {
          try publisher.publish("\(number)", partition: number % 2)
          number += 1
        } catch {
          if error == .fenced { continue }
          // Otherwise the reader would wait for the rest for ever.
          Issue.record(error)
          try? Bus.remove(bus.name, force: true)
          return
        }
      }
    }
    var next = [0, 1]
    for try await message in messages {
      #expect(String(decoding: message.payload, as: UTF8.self) == "\(next[message.partition])")
      next[message.partition] += 2
      if next == [5_000, 5_001] { break }
    }
    publishing.join()
  }

  /// More waits at a time than the pool has threads, and the pool goes on.
  @Test func waitingBlocksNoThreadOfThePool() async throws {
    let bus = try bus()
    defer { try? Bus.remove(bus.name, force: true) }
    let publisher = try bus.publisher()
    let received = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<100 {
        group.addTask {
          for try await message in try bus.subscriber(from: .earliest).messages() {
            return String(decoding: message.payload, as: UTF8.self)
          }
          return "nothing"
        }
      }
      // Runs on the same pool that the hundred wait on.
      group.addTask {
        while try bus.status().endpoints.count < 101 { await Task.yield() }
        return "all wait"
      }
      #expect(try await group.next() == "all wait")
      try publisher.publish("here")
      var received: [String] = []
      for try await text in group { received.append(text) }
      return received
    }
    #expect(received == Array(repeating: "here", count: 100))
  }

  @Test func aCancelledWaitEnds() async throws {
    let bus = try bus()
    defer { try? Bus.remove(bus.name, force: true) }
    let waiting = Task {
      for try await _ in try bus.subscriber().messages() { return false }
      return true
    }
    while try bus.status().endpoints.isEmpty { await Task.yield() }
    waiting.cancel()
    #expect(try await waiting.value)
  }

  @Test func aRemovedBusEndsIt() async throws {
    let bus = try bus()
    let waiting = Task {
      do {
        for try await _ in try bus.subscriber().messages() {}
        return SubscribeError?.none
      } catch let error as SubscribeError { return error }
    }
    while try bus.status().endpoints.isEmpty { await Task.yield() }
    try Bus.remove(bus.name, force: true)
    #expect(try await waiting.value == .removed)
  }
}

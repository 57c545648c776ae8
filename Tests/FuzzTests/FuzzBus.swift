// Attach and work on live segments that somebody else damages: each input is a play of steps, some
// of which change bytes of the control or a partition segment while publishers and subscribers are
// attached.
//
// Whatever the bytes say: no crash, no access outside a mapping, no loop that does not end, and no
// descriptor left open. Errors are typed.

import CShmBus
import Glibc

@testable import ShmBus

private let samples: [Sample] = {
  FuzzSpace.clear()
  FuzzSpace.enter()
  do {
    let all = [
      try Sample("a", .tiny(whenFull: .block, checksum: false), withTheDead: false),
      try Sample("b", .tiny(whenFull: .block, checksum: true), withTheDead: true),
      try Sample("c", .tiny(whenFull: .overwrite, checksum: false), withTheDead: true),
    ]
    for sample in all { isInOrder(sample) }
    return all
  } catch { fatalError("\(error)") }
}()

private final class PublisherBox {
  let publisher: Publisher
  init(_ bus: Bus) throws(BusError) {
    publisher = try bus.publisher(
      partitioner: .roundRobin, timeout: .zero, wait: WaitStrategy(spinNanoseconds: 1_000))
  }
}

private final class SubscriberBox {
  var subscriber: Subscriber
  init(_ subscriber: consuming Subscriber) { self.subscriber = subscriber }
}

/// One play on one bus.
private struct Play {
  let sample: Sample
  var bus: Bus?
  var publishers: [PublisherBox] = []
  var subscribers: [SubscriberBox] = []
  /// What was read, so that every byte handed out is touched.
  var sum: UInt64 = 0

  init(_ sample: Sample) { self.sample = sample }

  mutating func step(_ input: inout FuzzInput) {
    let kind = input.byte()
    let argument = Int(kind >> 4)
    do throws(any Error) {
      switch kind & 15 {
      case 0, 1, 2, 3, 4: sample.mutation.apply(&input)
      case 5: bus = try Bus.open(sample.bus.name)
      case 6: if let bus, publishers.count < 3 { publishers.append(try PublisherBox(bus)) }
      case 7: try attach(argument, &input)
      case 8: try publish(argument)
      case 9: try lend(argument)
      case 10: try publishBatch(argument)
      case 11, 12: try read(argument)
      case 13: try poll(argument)
      case 14: try manage(argument)
      default: if argument & 1 == 0 { _ = publishers.popLast() } else { _ = subscribers.popLast() }
      }
    } catch {
      let isTyped = error is BusError || error is PublishError || error is SubscribeError
      require(isTyped, "not a typed error: \(error)")
    }
  }

  private func timeout(_ argument: Int) -> Duration {
    argument & 7 == 7 ? .microseconds(20) : .zero
  }

  private mutating func attach(_ argument: Int, _ input: inout FuzzInput) throws {
    guard let bus, subscribers.count < 3 else { return }
    let start: StartPosition =
      switch argument & 3 {
      case 0: .earliest
      case 1: .latest
      default: .offset(argument & 4 == 0 ? UInt64(input.byte()) : input.number())
      }
    let partitions = argument & 8 == 0 ? nil : [input.below(3)]
    let wait = WaitStrategy(spinNanoseconds: 1_000)
    let subscriber =
      input.byte() & 1 == 0
      ? try bus.subscriber(from: start, partitions: partitions, wait: wait)
      : try bus.observer(from: start, partitions: partitions, wait: wait)
    subscribers.append(SubscriberBox(subscriber))
  }

  private func publish(_ argument: Int) throws {
    guard let box = publishers.last else { return }
    let bytes = [UInt8](repeating: 1, count: argument * 20)
    try unsafe box.publisher.publish(
      bytes.span.bytes, key: bytes.span.bytes.extracting(first: 2), partition: argument & 1,
      timeout: timeout(argument >> 1))
  }

  private func lend(_ argument: Int) throws {
    guard let box = publishers.first else { return }
    try lend(box.publisher, argument)
  }

  private func lend(_ publisher: borrowing Publisher, _ argument: Int) throws {
    var first = try publisher.loan(
      byteCount: argument * 40, partition: argument & 1, timeout: timeout(argument))
    fill(&first)
    if argument & 2 == 0 {
      let second = try publisher.loan(byteCount: 1, partition: argument & 1, timeout: .zero)
      try second.publish()
    }
    if argument & 4 == 0 { try first.publish() }
  }

  private func fill(_ loan: inout Loan) {
    var bytes = loan.mutableBytes
    for place in 0..<bytes.byteCount {
      bytes.storeBytes(of: 2, toByteOffset: place, as: UInt8.self)
    }
  }

  private func publishBatch(_ argument: Int) throws {
    guard let box = publishers.last else { return }
    let messages = (0...argument).map { [UInt8](repeating: 3, count: $0 * 9) }
    try box.publisher.publish(batch: messages, partition: argument & 1, timeout: timeout(argument))
  }

  private mutating func read(_ argument: Int) throws {
    guard let box = subscribers.last else { return }
    for _ in 0..<(argument & 7) {
      guard try read(&box.subscriber, argument) else { return }
    }
  }

  private mutating func read(_ subscriber: inout Subscriber, _ argument: Int) throws -> Bool {
    guard var message = try subscriber.next(timeout: timeout(argument >> 3)) else { return false }
    take(message)
    if argument & 1 == 0 { try message.commit() }
    return true
  }

  private mutating func poll(_ argument: Int) throws {
    guard let box = subscribers.first else { return }
    try poll(&box.subscriber, argument)
  }

  private mutating func poll(_ subscriber: inout Subscriber, _ argument: Int) throws {
    var batch = try subscriber.poll(max: argument, timeout: timeout(argument))
    while let message = try batch.next() { take(message) }
    try batch.commit()
  }

  private mutating func take(_ message: borrowing Message) {
    touch(message.bytes)
    touch(message.key)
    sum &+= message.timestamp &+ message.offset
  }

  private mutating func touch(_ bytes: RawSpan) {
    for place in 0..<bytes.byteCount {
      sum &+= UInt64(unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self))
    }
  }

  private func manage(_ argument: Int) throws {
    switch argument & 7 {
    case 0, 1: _ = try bus?.recover()
    case 2, 3: _ = try bus?.status()
    case 4:
      for diagnosis in try BusExamination.all(of: sample.bus.name) {
        require(!diagnosis.finding.isEmpty, "no finding")
      }
    case 5:
      // As the doctor would, but for the mending of names, which would take the segments away.
      if let bus { _ = (bus.hasPublishers, bus.publisherAdmissions, bus.isRemoved) }
    case 6:
      let report = Inspection.report(
        of: try Bus.segments(of: sample.bus.name), named: sample.bus.name)
      require(report.findings.allSatisfy { !$0.description.isEmpty }, "an empty finding")
    default: _ = bus?.partitions
    }
  }
}

extension BusExamination {
  fileprivate static func all(of name: String) throws -> [Diagnosis] {
    let busName = try BusName(name)
    let segments = try Inventory().segments[busName] ?? []
    return BusExamination(busName, segments).diagnoses()
  }
}

/// A bus that was restored works: a message goes through, and nothing is open any more.
private func isInOrder(_ sample: Sample) {
  sample.restore()
  do {
    let bus = try Bus.open(sample.bus.name)
    let publisher = try bus.publisher()
    var observer = try bus.observer(partitions: [0])
    // The dead reader of the picture holds a full ring until it is swept.
    try bus.recover()
    try publisher.publish("it works", partition: 0, timeout: .seconds(5))
    guard let message = try observer.next(timeout: .seconds(5)) else { fatalError("nothing came") }
    require(message.bytes.byteCount == 8, "another message came")
  } catch { fatalError("a bus in order does not work: \(error)") }
  sample.restore()
}

private func threadTime() -> UInt64 {
  var time = timespec()
  unsafe _ = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

private func lowestFreeDescriptor() -> Int32 {
  let number = dup(2)
  close(number)
  return number
}

nonisolated(unsafe) private var runs = 0

/// One execution.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBus(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = unsafe FuzzInput(data, count)
  let first = input.byte()
  let sample = samples[Int(first & 3) % samples.count]
  let descriptor = lowestFreeDescriptor()
  let begin = threadTime()
  do {
    var play = Play(sample)
    if first & 4 == 0 {
      // Most inputs begin with everybody attached.
      play.bus = try? Bus.open(sample.bus.name)
      if let bus = play.bus {
        if first & 8 == 0 { play.publishers = [try PublisherBox(bus)] }
        if first & 16 == 0 {
          play.subscribers = [SubscriberBox(try bus.subscriber(from: .earliest))]
        }
        if first & 32 == 0 {
          play.subscribers.append(SubscriberBox(try bus.observer(from: .earliest)))
        }
      }
    }
    // Ends: each step takes at least a byte.
    for _ in 0..<40 where !input.isEmpty { play.step(&input) }
  } catch { fatalError("a bus in order refuses: \(error)") }
  let spent = threadTime() - begin
  require(spent < 1_000_000_000, "it took \(spent / 1_000_000) ms of CPU")
  require(lowestFreeDescriptor() == descriptor, "a descriptor was left open")
  sample.restore()
  unsafe runs += 1
  if unsafe runs % 1_000 == 0 { isInOrder(sample) }
  return 0
}

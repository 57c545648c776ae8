import Glibc
import ShmBus
import TestSupport

/// Somebody who works on the bus as if nothing was wrong, and puts up with every error.
///
/// It goes to its end in time, or the assault takes it for hung: every wait has a deadline.
final class Endurer {
  /// What it does.
  enum Role: String, CaseIterable {
    case publisher
    case subscriber
    case observer
    case member
    case admin
  }

  private let name: String
  private let role: Role
  private let end: UInt64
  private var seed: Seed
  private var calls = 0
  private var errors = 0
  private var longest: UInt64 = 0
  /// What was read, so that reading it is not left out.
  private var sum: UInt64 = 0
  private let patience = Duration.milliseconds(30)

  init(_ words: Words) {
    name = words.text("bus")
    role = Role(rawValue: words.text("role")) ?? .subscriber
    seed = Seed(words.seed())
    end = monotonicNanoseconds() + UInt64(words.number("seconds", 5)) * 1_000_000_000
  }

  func endure() throws {
    var opened = false
    while goesOn {
      do {
        let bus = try Bus.open(name)
        if !opened { say("ready") }
        opened = true
        // Attached anew now and then: what others left is met then.
        switch role {
        case .publisher: try publish(bus)
        case .subscriber: try read(bus.subscriber(from: start(), wait: wait()))
        case .observer: try read(bus.observer(from: start(), wait: wait()))
        case .member: try take(bus)
        case .admin: try administer(bus)
        }
      } catch {
        errors += 1
        usleep(2_000)
      }
    }
    say("done \(calls) calls, \(errors) errors, longest \(longest / 1_000_000) ms, sum \(sum & 1)")
  }

  private var goesOn: Bool { monotonicNanoseconds() < end }

  /// One call: its errors count, and how long it took.
  private func call(_ body: () throws -> Void) {
    let begin = monotonicNanoseconds()
    do { try body() } catch { errors += 1 }
    calls += 1
    longest = max(longest, monotonicNanoseconds() - begin)
  }

  private func turns() -> Int { Int.random(in: 20...200, using: &seed) }

  private func wait() -> WaitStrategy {
    [.balanced, .sleep].randomElement(using: &seed)!
  }

  private func start() -> StartPosition {
    [
      .earliest, .latest, .offset(seed.next() & 0xffff), .offset(seed.next()),
      .time(seed.next()), .relative(-20), .relative(20),
    ].randomElement(using: &seed)!
  }

  private func use(_ bytes: RawSpan) {
    for place in stride(from: 0, to: bytes.byteCount, by: 61) {
      sum &+= UInt64(unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self))
    }
  }

  private func use(_ message: borrowing Message) {
    use(message.bytes)
    use(message.key)
    sum &+= message.timestamp &+ message.offset
    if seed.oneIn(4) {
      let copy = message.copy()
      sum &+= UInt64(copy.payload.count + (copy.key?.count ?? 0))
    }
  }

  // ---------------------------------------------------------------------------------- publishing

  private func publish(_ bus: Bus) throws {
    let publisher = try bus.publisher(timeout: patience, wait: wait())
    for _ in 0..<turns() where goesOn {
      let bytes = [UInt8](repeating: 7, count: Int.random(in: 0...300, using: &seed))
      call {
        switch seed.next() % 6 {
        case 0: try publisher.publish(bytes, key: "key \(seed.next() % 9)")
        case 1:
          var loan = try publisher.loan(byteCount: bytes.count)
          loan.fill(bytes)
          _ = try loan.publish()
        case 2: _ = try publisher.loan(byteCount: bytes.count)
        case 3:
          var batch = try publisher.batch(slots: 8)
          while batch.append(Array(bytes.prefix(60))), seed.oneIn(2) {}
          _ = try batch.publish()
        default: _ = try publisher.publish(bytes)
        }
      }
      if seed.oneIn(32) { usleep(UInt32.random(in: 0...3_000, using: &seed)) }
    }
  }

  // ------------------------------------------------------------------------------------- reading

  private func read(_ subscriber: consuming Subscriber) throws {
    for _ in 0..<turns() where goesOn {
      call { if let message = try subscriber.next(timeout: patience) { use(message) } }
    }
  }

  private func take(_ bus: Bus) throws {
    let names = ["first", "second"]
    let name = names.randomElement(using: &seed)!
    var options = GroupOptions.group(name)
    options.assignor = [.sticky, .range, .roundRobin].randomElement(using: &seed)!
    if seed.oneIn(2) { options.member = "member-\(seed.next() % 3)" }
    var subscriber = try bus.subscriber(options, from: start(), wait: wait())
    for _ in 0..<turns() where goesOn {
      call {
        switch seed.next() % 8 {
        case 0:
          var batch = try subscriber.poll(max: 8, timeout: patience)
          while let message = try batch.next() { use(message) }
          try batch.commit()
        case 1: try subscriber.seek(partition: 0, to: start())
        case 2: subscriber.pause([0])
        case 3: subscriber.resume([0])
        case 4: try subscriber.commit()
        default:
          if var message = try subscriber.next(timeout: patience) {
            use(message)
            try message.commit()
          }
        }
      }
    }
  }

  // ------------------------------------------------------------------------------- looking after

  private func administer(_ bus: Bus) throws {
    for _ in 0..<turns() where goesOn {
      call {
        switch seed.next() % 9 {
        case 0: sum &+= UInt64(try bus.status().endpoints.count)
        case 1: sum &+= try bus.groups().reduce(0) { $0 &+ $1.lag }
        case 2: _ = try bus.recover()
        case 3: _ = try bus.createGroup(.group("first"), from: start())
        case 4: _ = try bus.resetGroup("first", to: start())
        case 5: if seed.oneIn(8) { try bus.deleteGroup("second", force: true) }
        case 6: sum &+= bus.hasPublishers ? 1 : bus.publisherAdmissions
        case 7:
          for diagnosis in try Doctor.examine(bus.name) { sum &+= UInt64(diagnosis.evidence.count) }
        default: usleep(5_000)
        }
      }
    }
  }
}

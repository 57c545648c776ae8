import Glibc
import ShmBus
import TestSupport

/// Publishes patterns by every way there is, and says each offset before it goes on.
struct Writer {
  private let plan: Plan
  private let id: Int
  private let total: Int
  private let largest: Int
  private let way: String
  /// Microseconds after each message that is published by itself.
  private let pause: UInt32
  private var seed: Seed

  init(_ plan: Plan) {
    self.plan = plan
    id = plan.number("publisher")
    total = plan.number("count", 100)
    largest = plan.number("largest", 64)
    pause = UInt32(plan.number("pause"))
    way = plan.text("way", "mixed")
    seed = Seed(UInt64(plan.number("seed", 1))).branch(UInt64(id))
  }

  mutating func run() throws {
    let publisher = try Bus.open(plan.bus).publisher(
      timeout: .seconds(30), wait: plan.text("wait") == "sleep" ? .sleep : .balanced)
    say("ready")
    awaitWord()
    let turnsToSync = plan.number("sync")
    var number = 0
    var turns = 0
    while number < total {
      switch way == "mixed" ? Int(seed.next() % 4) : way == "batch" ? 2 : way == "loan" ? 1 : 0 {
      case 1: try loan(publisher, &number)
      case 2: try batch(publisher, &number)
      case 3: try dropped(publisher)
      default: try single(publisher, &number)
      }
      turns += 1
      if turnsToSync > 0, turns % turnsToSync == 0 {
        try publisher.sync()
        say("synced \(number)")
      }
    }
    say("end")
  }

  /// At least 8 bytes: each payload says whose it is.
  private mutating func length() -> Int { Int.random(in: 8...largest, using: &seed) }

  private mutating func single(_ publisher: borrowing Publisher, _ number: inout Int) throws {
    let bytes = Pattern.bytes(id, number, count: length())
    say("\(try publisher.publish(bytes)) \(number) \(bytes.count)")
    number += 1
    // Readers go to sleep meanwhile.
    if pause > 0 { _ = usleep(pause) }
  }

  private mutating func loan(_ publisher: borrowing Publisher, _ number: inout Int) throws {
    let bytes = Pattern.bytes(id, number, count: length())
    var loan = try publisher.loan(byteCount: bytes.count)
    loan.fill(bytes)
    say("\(try loan.publish()) \(number) \(bytes.count)")
    number += 1
  }

  private mutating func batch(_ publisher: borrowing Publisher, _ number: inout Int) throws {
    let short = min(largest, 64)
    let lengths = (0..<Int.random(in: 1...6, using: &seed)).map { _ in
      Int.random(in: 8...short, using: &seed)
    }
    var batch = try publisher.batch(slots: lengths.count + 1)
    for (index, length) in lengths.enumerated() {
      let bytes = Pattern.bytes(id, number + index, count: length)
      precondition(batch.append(bytes), "one slot each")
    }
    let first = try batch.publish()
    // One word for all of them: a batch becomes visible as one.
    let lines = lengths.indices.map { "\(first + UInt64($0)) \(number + $0) \(lengths[$0])" }
    say(lines.joined(separator: "\n"))
    number += lengths.count
  }

  /// Begun and given up, alone or as a batch.
  private mutating func dropped(_ publisher: borrowing Publisher) throws {
    if seed.oneIn(2) {
      _ = try publisher.loan(byteCount: length())
    } else {
      var batch = try publisher.batch(slots: 3)
      _ = batch.append(Pattern.bytes(id, 1 << 40, count: 16))
    }
  }
}

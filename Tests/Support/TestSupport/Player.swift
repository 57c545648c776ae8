import TestSupport

@testable import ShmBus

/// A publisher that does, for a number of steps, whatever its seed tells it: copies, loans in any order,
/// batches full and half full, and all of them given up.
struct Player {
  let id: Int
  let configuration: BusConfiguration
  var seed: Seed
  var number = 0
  var ledger = Ledger()

  init(_ id: Int, _ configuration: BusConfiguration, _ seed: Seed) {
    self.id = id
    self.configuration = configuration
    self.seed = seed.branch(UInt64(id))
  }

  mutating func play(_ bus: Bus, steps: Int) {
    do {
      let publisher = try bus.publisher(timeout: patience)
      for _ in 0..<steps { try step(publisher) }
    } catch { ledger.failures.append("publisher \(id): \(error)") }
  }

  private mutating func step(_ publisher: borrowing Publisher) throws {
    switch seed.next() % 8 {
    case 0...3: try copy(publisher)
    case 4: try loans(publisher)
    case 5: try batch(publisher)
    case 6: try dropped(publisher)
    default: try mixed(publisher)
    }
  }

  /// Mostly small, sometimes any size, at times exactly a boundary.
  private mutating func length() -> Int {
    let slot = configuration.slotSize
    let largest = configuration.largestMessage
    switch seed.next() % 10 {
    case 0: return 0
    case 1: return [slot - 1, slot, slot + 1, largest - 1, largest][Int(seed.next() % 5)]
    case 2, 3: return Int.random(in: 0...largest, using: &seed)
    default: return Int.random(in: 1...(slot * 2), using: &seed)
    }
  }

  private func span(_ byteCount: Int) -> UInt64 {
    UInt64(max(1, (byteCount + configuration.slotSize - 1) / configuration.slotSize))
  }

  private mutating func note(_ offset: Offset, _ length: Int) {
    ledger.sent.append(
      Sent(publisher: id, number: number, offset: offset, length: length, span: span(length)))
    number += 1
  }

  private mutating func pad(_ from: Offset, _ span: UInt64) {
    if span > 0 { ledger.padding.append(Stretch(from: from, to: from + span)) }
  }

  private mutating func copy(_ publisher: borrowing Publisher) throws {
    let count = length()
    note(try publisher.publish(Pattern.bytes(id, number, count: count)), count)
  }

  private mutating func dropped(_ publisher: borrowing Publisher) throws {
    let count = length()
    let loan = try publisher.loan(byteCount: count)
    pad(loan.offset, span(count))
  }

  /// Two open loans, either order, either of them given up. A second that own loans leave no room for is
  /// left out.
  private mutating func loans(_ publisher: borrowing Publisher) throws {
    let counts = (length(), length())
    var first = try publisher.loan(byteCount: counts.0)
    let offset = first.offset
    first.fill(Pattern.bytes(id, number, count: counts.0))
    // No room for a second, or only own loans in the way: then there is one.
    var second = try? publisher.loan(byteCount: counts.1, timeout: .milliseconds(1))
    second?.fill(Pattern.bytes(id, number + 1, count: counts.1))
    guard let behind = second.take() else {
      try first.publish()
      return note(offset, counts.0)
    }
    let place = behind.offset
    switch seed.next() % 4 {
    case 0:
      try first.publish()
      try behind.publish()
    case 1:
      try behind.publish()
      try first.publish()
    case 2:
      try behind.publish()
      _ = consume first
      pad(offset, span(counts.0))
      number += 1
      return note(place, counts.1)
    default:
      _ = consume behind
      try first.publish()
      note(offset, counts.0)
      return pad(place, span(counts.1))
    }
    note(offset, counts.0)
    note(place, counts.1)
  }

  private mutating func batch(_ publisher: borrowing Publisher) throws {
    let slots = Int.random(in: 1...min(12, configuration.slots / 4), using: &seed)
    var batch = try publisher.batch(slots: slots)
    let isDropped = seed.oneIn(4)
    var counts: [Int] = []
    while !seed.oneIn(6) {
      let count = Int.random(in: 0...(configuration.slotSize * 2), using: &seed)
      guard batch.append(Pattern.bytes(id, number + counts.count, count: count)) else { break }
      counts.append(count)
    }
    let left = UInt64(batch.slotsLeft)
    if isDropped || counts.isEmpty {
      let start = isDropped ? batch.start : try batch.publish()
      return pad(start, UInt64(slots))
    }
    var offset = try batch.publish()
    for count in counts {
      note(offset, count)
      offset += span(count)
    }
    pad(offset, left)
  }

  /// A copy and a batch while a loan is open.
  private mutating func mixed(_ publisher: borrowing Publisher) throws {
    let count = Int.random(in: 0...configuration.slotSize, using: &seed)
    var loan = try publisher.loan(byteCount: count)
    let offset = loan.offset
    loan.fill(Pattern.bytes(id, number, count: count))
    note(offset, count)
    let other = Int.random(in: 0...configuration.slotSize, using: &seed)
    let behind = try? publisher.publish(
      Pattern.bytes(id, number, count: other), timeout: .milliseconds(1))
    if let behind { note(behind, other) }
    try loan.publish()
  }
}

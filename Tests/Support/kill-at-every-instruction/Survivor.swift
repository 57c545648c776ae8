import Glibc
import ShmBus
import TestSupport

/// Whoever goes on with the bus after a kill: reads all that is there, publishes more than two laps
/// behind it and reads that too. Nothing here calls `recover`.
struct Survivor: ~Copyable {
  /// How long anything may take that must happen by itself.
  static let patience = 3.0
  /// Bytes of the message that tells a sleeper that nothing comes after it.
  static let lastBytes = 72

  private let bus: Bus
  private let segments: Segments
  private var reader: Subscriber
  private var ledger = Ledger()
  private var returned: [Offset] = []

  init(_ segments: Segments) throws {
    let bus = try Bus.open(segments.bus)
    let reader = try bus.subscriber(from: .earliest)
    self.segments = segments
    self.bus = bus
    self.reader = reader
  }

  /// Attached before the kill, as publisher and as subscriber; does what it is asked for.
  static func bystander(_ segments: Segments, _ line: Line) throws {
    var survivor = try Survivor(segments)
    let publisher = try survivor.bus.publisher()
    // A full ring would hold the victim before its mark.
    try survivor.drain()
    line.say("ready")
    // Ends: with "check", or with the process that asks.
    while true {
      let words = try line.hear()
      switch words {
      case "catch up": try survivor.readReady()
      case "few": try survivor.publish(few, publisher, mustFit: false)
      case "laps": try survivor.publish(laps, publisher)
      default: return line.say(try survivor.verdict(publisher))
      }
      line.say("ok")
    }
  }

  /// Attached after the kill.
  static func newcomer(_ segments: Segments, early: Int?, _ line: Line) throws {
    var survivor = try Survivor(segments)
    let oldest = max(segments.cursor, 64) - 64
    try survivor.drain()
    if let early, early > oldest, survivor.ledger.highest(of: Name.early) != early - 1 {
      throw Violation("read to message \(survivor.ledger.highest(of: Name.early)) of \(early)")
    }
    if let first = survivor.ledger.first, first > oldest + 16 {
      throw Violation("the first message read is at \(first), the oldest intact at \(oldest)")
    }
    let publisher = try survivor.bus.publisher()
    line.say(try survivor.verdict(publisher))
  }

  /// All of it; "ok" and what was read of the victim's messages.
  private mutating func verdict(_ publisher: borrowing Publisher) throws -> String {
    try drain()
    try inspect()
    try publish(Self.laps, publisher)
    try publish([Self.lastBytes], publisher)
    try drain()
    try inspect()
    guard ledger.offsets[Name.survivor, default: [:]].count == returned.count else {
      throw Violation(
        "\(returned.count) published, \(ledger.offsets[Name.survivor]?.count ?? 0) read")
    }
    for (number, offset) in ledger.offsets[Name.survivor, default: [:]]
    where returned[number] != offset {
      throw Violation("message \(number) published at \(returned[number]), read at \(offset)")
    }
    return "ok \(ledger.victims)"
  }

  /// Payload sizes: spans of 1, 1, 3, 1, 4 and 2 slots. `laps` is more than two rings of 64 slots.
  private static let few = [40, 8, 150, 40]
  static let laps = (0..<72).map { [40, 8, 150, 64, 200, 100][$0 % 6] }

  private mutating func publish(
    _ sizes: [Int], _ publisher: borrowing Publisher, mustFit: Bool = true
  ) throws {
    let deadline = monotonicNanoseconds() + UInt64(Self.patience * 1e9)
    for size in sizes {
      let payload = Pattern.bytes(Name.survivor, returned.count, count: size)
      // Ends: with the message, or at the deadline.
      while true {
        do {
          returned.append(try publisher.publish(payload, timeout: .zero))
          try readReady()
          break
        } catch PublishError.full(let holdup) {
          guard mustFit else { return }
          try readReady()
          guard monotonicNanoseconds() < deadline else { throw Violation("held: \(holdup)") }
          if segments.cursor == reader.position(inPartition: 0) { usleep(500) }
        }
      }
    }
  }

  /// Reads until the cursor.
  mutating func drain() throws {
    let deadline = monotonicNanoseconds() + UInt64(Self.patience * 1e9)
    // Ends: at the cursor, or at the deadline.
    while true {
      try readReady()
      let position = reader.position(inPartition: 0) ?? 0
      let cursor = segments.cursor
      if position == cursor { return }
      guard monotonicNanoseconds() < deadline else {
        throw Violation("a reader is stuck at \(position), the cursor is \(cursor)")
      }
      usleep(500)
    }
  }

  private mutating func readReady() throws { try ledger.readReady(&reader) }

  private func inspect() throws { try Self.inspect(bus) }

  /// What `dump-shm --verify` would find.
  static func inspect(_ bus: Bus) throws {
    let report = Inspection.report(
      of: try Bus.segments(of: bus.name), named: bus.name, isWhole: true,
      InspectionOptions(verify: true))
    let damage = report.findings.filter { $0.severity == .damage }
    if let first = damage.first { throw Violation("damage: \(first)") }
  }
}

/// A subscriber that sleeps in the kernel until somebody wakes it.
enum Sleeper {
  /// Reads until the survivor's last message; says what it read of the victim's.
  static func play(_ segments: Segments, _ line: Line) throws {
    var reader = try Bus.open(segments.bus).subscriber(from: .earliest, wait: .sleep)
    var ledger = Ledger()
    try ledger.readReady(&reader)
    line.say("ready")
    // Ends: with the last message, or when none comes.
    while ledger.lastBytes != Survivor.lastBytes {
      guard let message = try reader.next(timeout: .seconds(10)) else {
        throw Violation("a sleeper was given nothing for 10 s")
      }
      try ledger.note(message)
    }
    line.say("ok \(ledger.victims)")
  }
}

/// A publisher that sleeps at a full ring until a head moves.
enum Blocked {
  static func play(_ segments: Segments, _ line: Line) throws {
    let publisher = try Bus.open(segments.bus).publisher(wait: .sleep)
    var number = 0
    var isFull = false
    // Ends: the ring has 64 slots, and somebody holds it.
    while !isFull {
      let payload = Pattern.bytes(Name.blocked, number, count: 40)
      do {
        try publisher.publish(payload, timeout: .zero)
        number += 1
      } catch PublishError.full { isFull = true }
    }
    line.say("full")
    try publisher.publish(Pattern.bytes(Name.blocked, number, count: 40), timeout: .seconds(10))
    line.say("ok ")
  }
}

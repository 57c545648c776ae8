import Glibc
import ShmBus
import TestSupport

/// Whoever goes on as a member of the victim's group: it must come to own the partition, is given
/// everything that is not committed, and commits it. Nothing here calls `recover`.
struct GroupSurvivor: ~Copyable {
  private static let name = "survivor"

  private let bus: Bus
  private let segments: Segments
  private var reader: Subscriber
  private var ledger = Ledger()
  private var returned: [Offset] = []

  private init(_ segments: Segments, _ plan: GroupPlan) throws {
    let bus = try Bus.open(segments.bus)
    let reader = try bus.subscriber(plan.options(Self.name))
    self.segments = segments
    self.bus = bus
    self.reader = reader
  }

  /// Attached before the kill; a member too, unless it joins late.
  static func bystander(_ segments: Segments, _ plan: GroupPlan, _ line: Line) throws {
    let publisher = try Bus.open(segments.bus).publisher()
    guard plan.joinsLate else {
      var survivor = try GroupSurvivor(segments, plan)
      try survivor.takeTurn()
      line.say("ready")
      return try survivor.obey(line, publisher)
    }
    line.say("ready")
    _ = try line.hear()
    var survivor = try GroupSurvivor(segments, plan)
    try survivor.takeTurn()
    line.say("ok")
    try survivor.obey(line, publisher)
  }

  /// Attached after the kill.
  static func newcomer(_ segments: Segments, _ plan: GroupPlan, _ line: Line) throws {
    var survivor = try GroupSurvivor(segments, plan)
    let publisher = try survivor.bus.publisher()
    line.say(try survivor.verdict(publisher))
  }

  private mutating func obey(_ line: Line, _ publisher: borrowing Publisher) throws {
    // Ends: with "check", or with the process that asks.
    while true {
      switch try line.hear() {
      case "catch up": try takeTurn()
      case "few":
        try publish([40, 8, 150, 40], publisher, mustFit: false)
        try takeTurn()
      case "laps":
        try own()
        try publish(Survivor.laps, publisher)
      default: return line.say(try verdict(publisher))
      }
      line.say("ok")
    }
  }

  /// One look, which takes part in sharing out the partition. What it is given is left for later.
  private mutating func takeTurn() throws {
    _ = try reader.next(timeout: .zero)?.offset
    if let head = reader.committed(inPartition: 0) {
      try reader.seek(partition: 0, to: .offset(head))
    }
  }

  /// Until the partition is its own.
  private mutating func own() throws {
    let deadline = monotonicNanoseconds() + UInt64(Survivor.patience * 1e9)
    // Ends: with the partition, or at the deadline.
    while reader.assignment != [0] {
      try takeTurn()
      guard monotonicNanoseconds() < deadline else {
        throw Violation(
          "nobody owns the partition; its word names row \(segments.groupOwner ?? -1)")
      }
      usleep(500)
    }
  }

  /// All of it: the group goes on from its head, and nothing behind that is missing.
  private mutating func verdict(_ publisher: borrowing Publisher) throws -> String {
    let left = segments.groupHead.offset
    try own()
    try drain()
    let early = ledger.offsets[Name.early, default: [:]]
    for number in Int(left)..<Int(max(left, UInt64(GroupPlan.begin)))
    where early[number] != UInt64(number) {
      throw Violation("message \(number) was not committed, and not given out again")
    }
    try publish(Survivor.laps, publisher)
    try drain()
    for (number, offset) in returned.enumerated()
    where ledger.offsets[Name.survivor]?[number] != offset {
      throw Violation("message \(number), published at \(offset), was not given out there")
    }
    guard segments.groupHead.offset == segments.cursor else {
      throw Violation("all is committed, and the head is \(segments.groupHead.offset)")
    }
    try Survivor.inspect(bus)
    return "ok "
  }

  private mutating func publish(
    _ sizes: [Int], _ publisher: borrowing Publisher, mustFit: Bool = true
  ) throws {
    let deadline = monotonicNanoseconds() + UInt64(Survivor.patience * 1e9)
    for size in sizes {
      let payload = Pattern.bytes(Name.survivor, returned.count, count: size)
      // Ends: with the message, or at the deadline.
      while true {
        do {
          returned.append(try publisher.publish(payload, timeout: .zero))
          break
        } catch PublishError.full(let holdup) {
          guard mustFit else { return }
          try readReady()
          guard monotonicNanoseconds() < deadline else { throw Violation("held: \(holdup)") }
        }
      }
    }
  }

  private mutating func drain() throws {
    let deadline = monotonicNanoseconds() + UInt64(Survivor.patience * 1e9)
    // Ends: with the head at the cursor, or at the deadline.
    while segments.groupHead.offset != segments.cursor {
      try readReady()
      guard monotonicNanoseconds() < deadline else {
        throw Violation("the head stands at \(segments.groupHead.offset) of \(segments.cursor)")
      }
    }
  }

  /// Reads and commits what lies ready. Its commits move the head from where it found it, under one
  /// term: nobody else commits meanwhile.
  private mutating func readReady() throws { try Self.readReady(&reader, &ledger, segments) }

  private static func readReady(
    _ reader: inout Subscriber, _ ledger: inout Ledger, _ segments: Segments
  ) throws {
    while var message = try reader.next(timeout: .zero) {
      try ledger.note(message)
      let before = segments.groupHead
      guard message.offset >= before.offset else {
        throw Violation("offset \(message.offset) was given out, the head is \(before.offset)")
      }
      try message.commit()
      let after = segments.groupHead
      guard after.offset > before.offset, after.term == before.term else {
        throw Violation("a commit moved the head from \(before) to \(after)")
      }
    }
  }
}

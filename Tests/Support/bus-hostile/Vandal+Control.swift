import CShmBus
import TestSupport

// The control segment: what every participant may write.

extension Vandal {
  /// Fields by place and size, as `shmbus_layout.h` draws them. Not `state`: a bus that says that it was
  /// removed has nobody left to damage.
  var header: [(Int, Int)] {
    [
      (0, 8), (8, 4), (16, 8), (32, 8), (96, 8), (104, 8), (128, 8), (136, 4), (140, 4), (144, 4),
      (148, 4),
      (152, 4), (156, 4), (160, 4), (164, 4), (168, 8), (176, 8), (184, 8), (192, 4), (200, 4),
      (204, 4),
      (208, 4), (248, 8), (384, 8), (392, 8), (432, 8), (440, 8), (448, 8), (456, 8), (512, 8),
      (520, 8),
      (528, 8), (536, 8), (560, 8), (184, 8), (432, 8), (440, 8), (448, 8),
    ]
  }

  var partitionRow: [(Int, Int)] {
    [(0, 8), (8, 8), (64, 8), (128, 4), (132, 4), (136, 8), (144, 8), (152, 8), (168, 8)]
  }

  mutating func field(of fields: [(Int, Int)], in base: Int) {
    for _ in 0..<Int.random(in: 1...3, using: &seed) {
      let (place, bytes) = fields.randomElement(using: &seed)!
      control.set(base + place, value(control.word(base + place)), bytes: bytes)
    }
  }

  mutating func endpoint() {
    let publishers = count(\.max_publishers)
    let isPublisher = Bool.random(using: &seed)
    let first = table(\.endpoint_table) + (isPublisher ? 0 : publishers * 256)
    let base = first + 256 * Int.random(in: 0..<8, using: &seed)
    field(
      of: [
        (0, 8), (8, 4), (12, 4), (16, 8), (24, 4), (28, 4), (32, 8), (32, 8), (40, 4), (44, 4),
        (48, 8),
        (64, 4), (72, 8), (80, 8), (128, 8), (136, 8), (144, 8), (192, 8), (248, 8),
      ], in: base)
    // A member of some group, as far as the word says.
    if Int.random(in: 0..<3, using: &seed) == 0 {
      let use = (control.word(base) >> 1) << 40
      let group = UInt64.random(in: 0...4, using: &seed) << 4
      control.set(base + 32, use | UInt64.random(in: 0...3, using: &seed) << 16 | group | 1)
    }
    for place in 192..<256 where Int.random(in: 0..<64, using: &seed) == 0 {
      control.set(base + place, seed.next(), bytes: 1)
    }
  }

  mutating func head() {
    let rows = count(\.max_groups) + count(\.max_subscribers)
    let partition = Int.random(in: 0..<4, using: &seed)
    let row =
      Bool.random(using: &seed)
      ? Int.random(in: 0..<4, using: &seed)
      : count(\.max_groups) + Int.random(in: 0..<8, using: &seed)
    let base = table(\.head_table) + (partition * rows + row) * 64
    field(of: [(0, 8), (0, 8), (8, 8), (16, 8), (24, 8)], in: base)
  }

  mutating func group() {
    let base = row(\.group_table, 256, 6)
    field(
      of: [
        (0, 8), (8, 8), (8, 8), (16, 4), (20, 4), (24, 4), (28, 4), (32, 8), (40, 8), (48, 8),
        (64, 8), (128, 8),
      ], in: base)
    for place in 64..<192 where Int.random(in: 0..<100, using: &seed) == 0 {
      control.set(base + place, seed.next(), bytes: 1)
    }
  }

  /// Rows of the quarantine table that look true: claims near a partition's heads, in every state.
  mutating func quarantine() {
    let partition = Int.random(in: 0..<4, using: &seed)
    let partitionBase = table(\.partition_table) + partition * 256
    let head = control.word(
      table(\.head_table)
        + (partition * (count(\.max_groups) + count(\.max_subscribers)) + count(\.max_groups)) * 64)
    let slots = max(1, control.original(128))
    for _ in 0..<Int.random(in: 1...8, using: &seed) {
      let base =
        table(\.quarantine_table)
        + (partition * Int(SHMBUS_QUARANTINE_ROWS) + Int.random(in: 0..<64, using: &seed)) * 32
      let offset = ((head >> 12) &+ UInt64.random(in: 0...128, using: &seed)) & ((1 << 52) - 1)
      let lap = offset / slots + UInt64.random(in: 0...3, using: &seed)
      control.set(base, offset << 12 | UInt64.random(in: 0...4095, using: &seed))
      control.set(base + 8, value(control.word(base + 8)))
      let use = UInt64.random(in: 0...65_535, using: &seed)
      control.set(base + 16, lap << 24 | use << 8 | UInt64.random(in: 0...6, using: &seed))
      control.set(base + 24, value(0))
    }
    control.set(partitionBase + 8, control.word(partitionBase + 8) | 1)
  }

  /// A whole table becomes one value.
  mutating func flood() {
    let places =
      [
        table(\.partition_table), table(\.endpoint_table), table(\.head_table),
        table(\.group_table),
        table(\.producer_table), table(\.quarantine_table), control.byteCount,
      ]
    let number = Int.random(in: 0..<(places.count - 1), using: &seed)
    let word = value(seed.next())
    for place in stride(from: places[number], to: places[number + 1], by: 8) {
      control.set(place, word)
    }
  }

  /// Words anywhere.
  mutating func scatter(_ prey: Prey, _ range: Range<Int>) {
    for _ in 0..<Int.random(in: 1...64, using: &seed) {
      let place = Int.random(in: range, using: &seed) & ~7
      prey.set(place, value(prey.word(place)))
    }
  }

  /// One word, again and again: whoever loads it twice gets two answers.
  mutating func storm(_ prey: Prey, _ range: Range<Int>) {
    let place = Int.random(in: range, using: &seed) & ~7
    let (first, second) = (value(prey.word(place)), value(prey.word(place)))
    for _ in 0..<20_000 {
      prey.set(place, first)
      prey.set(place, second)
    }
  }
}

import CShmBus
import TestSupport

// A partition segment: what only a publisher may write.

extension Vandal {
  mutating func damage(_ prey: Prey) {
    switch Int.random(in: 0..<16, using: &seed) {
    case 0: scatter(prey, 0..<prey.byteCount)
    case 1: partitionHeader(prey)
    case 2, 3: cursor(prey)
    case 4, 5: cell(prey)
    case 6: index(prey)
    case 7, 8, 9: slot(prey)
    case 10, 11, 12: flicker(prey)
    case 13: storm(prey, 128..<8192)
    default: prey.restore(0..<prey.byteCount)
    }
  }

  private func place(_ prey: Prey, _ field: KeyPath<shmbus_partition_header, UInt64>) -> Int {
    Int(prey.original(MemoryLayout<shmbus_partition_header>.offset(of: field) ?? 0))
  }

  private func slots(_ prey: Prey) -> UInt64 { max(1, prey.original(32)) }

  /// Near where publishers and readers are.
  private mutating func offsetNearby(_ prey: Prey) -> UInt64 {
    (prey.word(128) >> 10) &- 8 &+ UInt64.random(in: 0...24, using: &seed)
  }

  private mutating func partitionHeader(_ prey: Prey) {
    let place = [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96].randomElement(using: &seed)!
    prey.set(place, value(prey.word(place)))
  }

  /// A jump, a step back, a claimant that does not exist.
  private mutating func cursor(_ prey: Prey) {
    let now = prey.word(128)
    let steps: [UInt64] = [
      now &+ (1 << 10), now &- (1 << 10), now &+ (slots(prey) << 10), now &- (slots(prey) << 10),
      now ^ 1023,
      now &+ (slots(prey) / 4 << 10), value(now),
    ]
    prey.set(128, steps.randomElement(using: &seed)!)
  }

  private mutating func cell(_ prey: Prey) {
    let base = place(prey, \.cells_offset) + 128 * Int.random(in: 0..<4, using: &seed)
    let claim = offsetNearby(prey) << 12 | UInt64.random(in: 0...4095, using: &seed)
    prey.set(base, Bool.random(using: &seed) ? claim : value(prey.word(base)))
    prey.set(base + 8, Bool.random(using: &seed) ? offsetNearby(prey) : value(prey.word(base + 8)))
    prey.set(base + 16, value(0))
  }

  private mutating func index(_ prey: Prey) {
    let count = max(1, Int(prey.original(48) >> 32))
    for _ in 0..<8 {
      let base = place(prey, \.index_offset) + 16 * Int.random(in: 0..<count, using: &seed)
      prey.set(base, Bool.random(using: &seed) ? offsetNearby(prey) : value(prey.word(base)))
      prey.set(base + 8, value(prey.word(base + 8)))
    }
  }

  /// A slot that looks like a message of this lap, with a span and lengths of its own.
  private mutating func slot(_ prey: Prey) {
    let offset = offsetNearby(prey)
    let base = place(prey, \.headers_offset) + Int(offset & (slots(prey) - 1)) * 64
    let lengths: [UInt64] = [0, 1, 64, 65, 1 << 20, 0x7fff_ffff, 0xffff_ffff, seed.next()]
    prey.set(base + 4, lengths.randomElement(using: &seed)!, bytes: 4)
    prey.set(base + 8, value(prey.word(base + 8)))
    prey.set(base + 40, value(prey.word(base + 40)))
    prey.set(base + 44, lengths.randomElement(using: &seed)!, bytes: 2)
    let lap = offset / slots(prey) &+ 1 &+ [0, 0, 0, 1, .max].randomElement(using: &seed)!
    let span = [0, 1, 1, 2, 16, 4095, UInt64.random(in: 0...4095, using: &seed)]
      .randomElement(using: &seed)!
    let rest = UInt64.random(in: 0..<4096, using: &seed)
    prey.set(base + 16, lap << 24 | span << 12 | rest)
  }

  /// The lengths of a message that is being read change all the time.
  private mutating func flicker(_ prey: Prey) {
    let offset = offsetNearby(prey)
    let base = place(prey, \.headers_offset) + Int(offset & (slots(prey) - 1)) * 64
    let slotSize = Int(prey.original(40) & 0xffff_ffff)
    let payload = place(prey, \.payload_offset) + Int(offset & (slots(prey) - 1)) * slotSize
    let good = prey.word(base + 4)
    let key = prey.word(base + 40)
    for turn in 0..<10_000 {
      prey.set(base + 4, turn & 1 == 0 ? 0xffff_ff00 : good, bytes: 4)
      prey.set(base + 44, turn & 2 == 0 ? 0xffff : key >> 32, bytes: 2)
      prey.set(payload + turn % 64, UInt64(turn), bytes: 1)
    }
    prey.set(base + 4, good, bytes: 4)
  }
}

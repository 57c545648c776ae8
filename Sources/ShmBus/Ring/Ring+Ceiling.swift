// Offsets are never handed out twice, not even after the host has died: no claim ends above the ceiling, and a
// restore goes on at it (`models/ceiling.pml`). The ceiling is raised where both copies of the checkpoint have it,
// long before anybody gets there, so that nobody waits for a disk.
//
//        cursor                     half a step left: call         ceiling
//          v                                v                        v
//   ... ───┴────────────────────────────────┴──────────┬─────────────┤
//                                    a quarter left, and no answer for a second: overdraw

/// How ceilings are handed out.
enum Ceiling {
  /// A ceiling is this far beyond the cursor: seconds at the highest rate, and a restore skips no more.
  static var step: UInt64 { 1 << 30 }
  /// Nearer than this, the housekeeper is called.
  static var near: UInt64 { 1 << 29 }
  /// Nearer than this, a bus whose housekeeper does not answer goes on without it.
  static var brink: UInt64 { 1 << 28 }
  /// How long that may take, in nanoseconds.
  static var patience: UInt64 { 1_000_000_000 }
}

extension Gate {
  /// The ceiling comes near. Calls the housekeeper, once; and if it has been called for long, because it is
  /// stopped or its disk stalls, raises the ceiling without it: the bus runs on, uncovered.
  func callKeeper(_ cursor: Offset, _ ceiling: Offset) {
    // A removed bus has none, one without a state directory all there is, and a stored one its own.
    guard ceiling != 0, ceiling < Packed.offsetLimit, !map.isStored else { return }
    let now = Clock.monotonic() | 1
    let (isFirst, since) = map.keeperBell.compareExchange(0, now)  // N3
    if isFirst {
      unsafe Futex.wakeOne(map.keeperBellAddress)
    } else if ceiling &- cursor < Ceiling.brink, now > since, now &- since > Ceiling.patience {
      _ = overdraw(ceiling)
    }
  }

  /// Raises the ceiling by a step although no checkpoint covers it. False where somebody else has raised it
  /// meanwhile, or the bus is removed: then it is 0, and stays 0.
  func overdraw(_ ceiling: Offset) -> Bool {
    guard ceiling != 0, ceiling < Packed.offsetLimit, !map.isStored else { return false }
    let next = min(ceiling &+ Ceiling.step, Packed.offsetLimit)
    return map.partition(partition).ceiling.compareExchange(ceiling, next).exchanged  // N1
  }
}

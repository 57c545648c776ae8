import CShmBus
import Glibc

/// One partition that is a file: what is done to it so that it outlives the host.
///
/// Three words of its header are the file's own, so that the file tells all that recovery needs:
///
/// ```
///   112  ceiling     no offset at or above it was handed out, as far as the disk knows
///   136  lost_from   what the last recovery could not bring back lies from here ...
///   144  lost_to     ... to here
/// ```
@safe
struct StoredRing {
  let ring: Ring
  let row: ControlMap.PartitionRow
  /// The segment's file.
  let file: Int32
  private let base: UnsafeMutableRawPointer

  init(_ base: UnsafeMutableRawPointer, _ ring: Ring, _ row: ControlMap.PartitionRow, file: Int32) {
    unsafe self.base = base
    self.ring = ring
    self.row = row
    self.file = file
  }

  var ceiling: SharedWord { unsafe SharedWord(base, at: 112) }
  var lostFrom: SharedWord { unsafe SharedWord(base, at: 136) }
  var lostTo: SharedWord { unsafe SharedWord(base, at: 144) }

  /// Where the stretches lie that the last recovery could not bring back; nil if there were none.
  var lost: Range<Offset>? {
    let (from, to) = (lostFrom.loadRelaxed(), lostTo.loadRelaxed())
    return from < to ? from..<to : nil
  }

  /// How far publishers may go before the ceiling must be raised: after a reboot the cursor goes on at the
  /// ceiling, and so much of the ring is given up unread at most.
  static func leeway(_ capacity: UInt64) -> UInt64 { capacity / 4 }

  /// Lets publishers go on: first on the disk, then in the row that they look at (U1, U2).
  ///
  /// Never above `gate + capacity`: what the gate keeps is then still in the ring when the cursor goes on
  /// at the ceiling. False if there is nothing to be gained.
  func raiseCeiling(gate: Offset, atLeast span: UInt64) throws(SystemError) -> Bool {
    let next = min(
      ring.end &+ max(span, Self.leeway(ring.capacity)), gate &+ ring.capacity, Packed.offsetLimit)
    var seen = row.ceiling.loadAcquire()
    // 0: the bus is removed.
    guard seen != 0, next > seen else { return false }
    _ = ceiling.raise(to: next)  // U1
    try unsafe Self.synchronizeHeader(base)
    // Ends: each failed CAS means that the ceiling was raised by another, or the bus removed.
    while seen != 0, next > seen {
      let (exchanged, now) = row.ceiling.compareExchange(seen, next)  // U2, partner: S4
      if exchanged { return true }
      seen = now
    }
    return true
  }

  /// Puts everything that is decided on the disk, and says up to where that is without a gap.
  ///
  /// Pages reach the disk in any order, before this and during it. What counts is what they hold when
  /// this returns: a decided slot's header and payload were written before its control word was read
  /// here, and until the slot is claimed again nobody changes them. So every version of their sectors that
  /// can be on the disk afterwards, old or new, whole or mixed, has the same bytes for them.
  func synchronize(_ quarantine: Quarantine) throws(SystemError) {
    let from = row.durable.loadAcquire()
    let end = decidedEnd(from: from, quarantine)  // U3, partner: K1
    guard fdatasync(file) == 0 else { throw SystemError.last("fdatasync", "partition") }
    _ = row.durable.raise(to: end)  // U4
  }

  /// The first undecided slot at or after `offset`.
  private func decidedEnd(from offset: Offset, _ quarantine: Quarantine) -> Offset {
    var position = offset
    let end = ring.end
    // Bounded: each turn but the overruns goes on by a slot, and each of those skips what was lapped.
    for _ in 0..<(2 * ring.capacity) {
      guard position < end else { break }
      if let span = quarantine.voidSpan(at: position) {
        position &+= span
        continue
      }
      switch ring.standing(at: position) {
      case .message(let span), .padding(let span): position &+= span
      case .claimed, .nothing:
        guard position < ring.oldestIntact else { return position }
        position = ring.messageStart(atOrAfter: ring.oldestIntact)
      case .overrun: position = max(position &+ 1, ring.messageStart(atOrAfter: ring.oldestIntact))
      }
    }
    return min(position, end)
  }

  /// The first page: geometry, ceiling, what was lost. A publisher that moves the cursor meanwhile waits for
  /// nothing but a page fault.
  static func synchronizeHeader(_ base: UnsafeMutableRawPointer) throws(SystemError) {
    guard unsafe msync(base, PartitionLayout.pageSize, MS_SYNC) == 0 else {
      throw SystemError.last("msync", "partition header")
    }
  }
}

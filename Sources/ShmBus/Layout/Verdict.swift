/// The word of a quarantine row that decides what becomes of its claim. Changed by locked
/// instructions only.
///
/// ```
///   63 ................. 24 23 .......... 8 7 ... 0
///            lap:40               use:16      state:8
/// ```
///
/// `lap` is the last lap for which the slots are out of use, and while the row is only taken, who took
/// it; `use` counts the row's uses, so that a late CAS never hits the next one.
struct Verdict: Equatable {
  enum State: UInt64 {
    /// Nobody uses the row.
    case free = 0
    /// Somebody writes down whose claim it is; nothing is decided.
    case taken = 1
    /// Everybody waits for the decision, and whoever meets it makes it.
    case pending = 2
    /// The claim was decided by its owner in time.
    case withdrawn = 3
    /// The claim is void: readers skip it, publishers pass over it, its owner may still store there.
    case final = 4
    /// The owner will not store there any more: the slots may be used again in the lap after `lap`.
    case released = 5
  }

  let raw: UInt64

  init(_ raw: UInt64) { self.raw = raw }

  init(_ state: State, lap: UInt64, use: UInt64) {
    raw = lap &<< 24 | (use & 0xffff) &<< 8 | state.rawValue
  }

  /// Free for a state that does not exist: a damaged row quarantines nothing.
  var state: State { State(rawValue: raw & 0xff) ?? .free }
  var use: UInt64 { raw &>> 8 & 0xffff }
  var lap: UInt64 { raw &>> 24 }

  /// The low bits of ``Packed/owner(row:incarnation:)``. A taker fills the row by plain stores, which
  /// come late if it was stopped: nobody else may have the row until the taker is gone.
  static func taken(by taker: UInt64, use: UInt64) -> Verdict {
    Verdict(.taken, lap: taker & (1 &<< 40 &- 1), use: use)
  }

  /// Of a taken row: who took it, row + 1:16 below incarnation:24.
  var taker: UInt64 { lap }

  func becoming(_ state: State) -> Verdict { Verdict(state, lap: lap, use: use) }
  func reaching(_ lap: UInt64) -> Verdict { Verdict(state, lap: lap, use: use) }
}

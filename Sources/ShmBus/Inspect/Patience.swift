import Glibc

/// A second look at what seems wrong: on a live bus it may be half done, and right a moment later.
///
/// A copy does not change, and is not looked at twice. The looks of one inspection are counted, so that
/// a segment full of faults is reported as fast as a healthy one.
struct Patience {
  private let isLive: Bool
  private var looksLeft = 400

  init(isLive: Bool) { self.isLive = isLive }

  /// Whether it is worth looking again, after a moment.
  mutating func allowsAnotherLook() -> Bool {
    guard isLive, looksLeft > 0 else { return false }
    looksLeft -= 1
    _ = usleep(250)
    return true
  }

  /// Whether something stays wrong for a few looks.
  mutating func persists(_ isWrong: () -> Bool) -> Bool {
    guard isWrong() else { return false }
    for _ in 0..<8 {
      guard allowsAnotherLook() else { return true }
      if !isWrong() { return false }
    }
    return true
  }
}

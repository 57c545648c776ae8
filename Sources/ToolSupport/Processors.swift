import CShmBus
import Glibc

/// The processors that this process may use.
package enum Processors {
  /// Their numbers, in order; at least one.
  package static var allowed: [Int] {
    var mask = [UInt64](repeating: 0, count: 1024)
    var used = 0
    guard unsafe shmbus_affinity(&mask, mask.count * 8, &used) == 0 else { return [0] }
    let found = (0..<used * 8).filter { mask[$0 / 64] & (1 << UInt64($0 % 64)) != 0 }
    return found.isEmpty ? [0] : found
  }

  /// Keeps the calling thread on one of them; false if the system refuses.
  @discardableResult
  package static func pin(to processor: Int) -> Bool {
    guard (0..<1024 * 64).contains(processor) else { return false }
    var mask = [UInt64](repeating: 0, count: 1024)
    mask[processor / 64] = 1 << UInt64(processor % 64)
    return unsafe shmbus_set_affinity(mask, mask.count * 8) == 0
  }
}

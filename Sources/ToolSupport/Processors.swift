import ShmBus

/// The processors that this process may use.
package enum Processors {
  /// Their numbers, in order; at least one.
  package static var allowed: [Int] {
    let found = (try? Affinity.allowed()) ?? []
    return found.isEmpty ? [0] : found
  }

  /// Keeps the calling thread on one of them; false if the system refuses.
  @discardableResult
  package static func pin(to processor: Int) -> Bool {
    (try? Affinity.pin(to: [processor])) != nil
  }
}

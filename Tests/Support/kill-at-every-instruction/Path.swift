/// The instructions of one operation, in the order in which one victim executed them, single-
/// stepped.
struct Path {
  let addresses: [UInt64]
  var count: Int { addresses.count }

  init(of run: Run, bystander: Bool) throws {
    let cast = try run.cast(bystander: bystander, isStepped: true)
    var addresses = [cast.victim.address]
    // Ends: with the operation.
    while try cast.victim.step() == .trapped { addresses.append(cast.victim.address) }
    // Behind the mark's system call it stops twice: for the step, and for the signal.
    if addresses.last == cast.victim.address { addresses.removeLast() }
    try cast.victim.kill()
    _ = try cast.goOn()
    self.addresses = addresses
  }

  /// Whether a point is in the middle of one instruction that is executed again and again, such as
  /// `rep movsb`.
  func repeats(_ point: Int) -> Bool {
    point > 4 && point + 1 < count
      && addresses[point - 4...point + 1].allSatisfy { $0 == addresses[point] }
  }

  /// Brings a victim, at full speed, before the instruction that was the `point`th of the traced
  /// one: the same address for the same time. `count` is the mark behind the last. False if the
  /// operation was over before: it took another way.
  func bring(_ victim: Tracee, to point: Int) throws -> Bool {
    guard point < count else { return try end(victim) }
    let address = addresses[point]
    var first = point
    while first > 0, addresses[first - 1] == address { first -= 1 }
    // A breakpoint is met once for all repetitions of one instruction.
    var left = (0...first).count { place in
      addresses[place] == address && (place == 0 || addresses[place - 1] != address)
    }
    if addresses[0] == address {
      left -= 1
      if left > 0, try victim.step() != .trapped { return false }
    }
    if left > 0 {
      try victim.breakpoint(at: address)
      while left > 0 {
        switch try victim.go() {
        case .trapped: left -= 1
        case .ended: return false
        case let stop: throw Violation("the victim stopped: \(stop)")
        }
      }
      try victim.breakpoint(at: 0)
    }
    for _ in first..<point where try victim.step() != .trapped { return false }
    return victim.address == address
  }

  private func end(_ victim: Tracee) throws -> Bool {
    let stop = try victim.runToMark()
    guard stop == .ended else { throw Violation("the victim stopped: \(stop)") }
    return true
  }
}

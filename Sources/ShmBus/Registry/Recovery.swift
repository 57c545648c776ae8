/// Decides what the dead left behind, from inside normal work: attaching, publishing when held, waiting when
/// stuck. Every step is one CAS that others may repeat at the same time.
@safe
struct Recovery {
  let map: ControlMap
  /// Writable rings of all partitions; empty for a subscriber, which can free heads but no claims.
  let rings: [Ring]
  /// A descriptor of the control segment that holds no locks itself.
  let control: Int32

  /// Whether the kernel says that a used row's owner is gone. Never a guess from a clock or a pid.
  func isDead(_ row: Int) -> Bool {
    guard map.endpoint(row).isInUse else { return false }
    return lockIsFree(row)
  }

  func lockIsFree(_ row: Int) -> Bool {
    // When the kernel will not tell, nobody is declared dead.
    (try? FileLock.isHeld(Int64(row), seenFrom: control)) == false
  }

  /// Frees every row whose owner died; returns how many.
  @discardableResult
  func sweep() -> Int {
    var freed = 0
    for row in map.usedPublisherRows where !rings.isEmpty && free(row) { freed += 1 }
    for row in map.usedSubscriberRows where free(row) { freed += 1 }
    return freed
  }

  /// Frees a row if its owner is dead: incarnation first, then the lock, then what it left.
  func free(_ row: Int) -> Bool {
    let incarnation = map.endpoint(row).incarnation.loadAcquire()  // V1, partner: E1
    guard incarnation & 1 == 1, lockIsFree(row) else { return false }
    return resolve(row, incarnation)
  }

  /// Resolves what a dead use of a row left behind, then frees the row. The caller knows it is dead.
  func resolve(_ row: Int, _ incarnation: UInt64) -> Bool {
    let word = map.endpoint(row).incarnation
    let isSameUse = { word.loadAcquire() == incarnation }
    if row < map.layout.maxPublishers {
      // Counted after its death: it claimed in none that came later.
      guard !rings.isEmpty, rings.count >= map.partitions
      else { return false }
      for (partition, ring) in rings.enumerated() {
        let quarantine = Quarantine(map: map, partition: partition, ring: ring)
        let isVoid = { quarantine.voidSpan(at: $0) != nil }
        guard ring.recover(publisher: UInt64(row), isVoid: isVoid, isSameUse: isSameUse)
        else { return false }
        quarantine.release(ownedBy: Packed.owner(row: row, incarnation: incarnation))
      }
    } else {
      releaseHeads(of: row, isSameUse)
      Group.bury(row, incarnation, in: map)
    }
    guard word.compareExchange(incarnation, incarnation &+ 1).exchanged else { return false }  // E4
    for partition in 0..<map.partitions {
      Sleepers.subscribers(of: partition, in: map).wakeAll()
      Sleepers.publishers(of: partition, in: map).wakeAll()
    }
    return true
  }

  /// A group's head holds a partition: its owner may have died, and then its members take over; or
  /// a group was created or deleted by somebody who died at it. True if publishers may go on at
  /// once.
  func freeGroup(_ row: Int, partition: Int) -> Bool {
    if !map.group(row).isInUse {
      guard let lock = try? GroupLock.take(control: control) else { return false }
      return GroupTable(map: map).clearLeftover(row: row, lock)
    }
    let owner = map.head(row, partition: partition).owner.loadAcquire()
    let (endpoint, _) = Packed.endpoint(ofOwner: owner)
    guard endpoint >= map.layout.maxPublishers, endpoint < map.layout.endpointRows
    else { return false }
    _ = free(endpoint)
    return false
  }

  /// A head carries the row's term, so a CAS that comes late never frees the next owner's.
  private func releaseHeads(of row: Int, _ isSameUse: () -> Bool) {
    for partition in 0..<map.partitions {
      let head = map.head(map.headRow(ofEndpoint: row), partition: partition).head
      let seen = head.loadAcquire()
      guard Packed.offset(seen) != Packed.noOffset, isSameUse() else { continue }
      _ = head.compareExchange(seen, Packed.head(Packed.noOffset, term: Packed.term(seen)))  // V8
    }
  }
}

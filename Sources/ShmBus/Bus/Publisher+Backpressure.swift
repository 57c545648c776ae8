import CShmBus

// What happens when the gate holds a claim back: cold code, out of the publisher's line.

extension PublisherCore {
  /// Waits for room; throws when there is none before the deadline. Nil is the publisher's own timeout.
  @usableFromInline @inline(never)
  static func claimWhenFree(
    _ state: UnsafeMutablePointer<PublisherState>, _ lane: UnsafeMutablePointer<Lane>,
    span: UInt64, timeout: Duration?
  ) throws(PublishError) -> Offset {
    let core = unsafe state.pointee.core.takeUnretainedValue()
    return try unsafe core.claimWhenFree(
      lane, span: span, timeout: timeout?.nanoseconds ?? state.pointee.timeout)
  }

  /// Somebody may be asleep on the lane's partition, or this process must fence before it looks (K2).
  @usableFromInline @inline(never)
  static func wakeSubscribers(_ lane: UnsafeMutablePointer<Lane>) {
    let gate = unsafe lane.pointee.gate
    Sleepers.subscribers(of: gate.partition, in: gate.map).wakeAny()
  }

  /// A loan that ends may have been what the gate waited for.
  static func wakePublishers(_ lane: UnsafeMutablePointer<Lane>) {
    let gate = unsafe lane.pointee.gate
    Sleepers.publishers(of: gate.partition, in: gate.map).wakeAny()
  }

  /// Tries, spins, sleeps; resolves the dead on the way.
  private func claimWhenFree(
    _ lane: UnsafeMutablePointer<Lane>, span: UInt64, timeout: UInt64
  ) throws(PublishError) -> Offset {
    let gate = unsafe lane.pointee.gate
    var claimed = Lane.held
    var failure: PublishError?
    let tryClaim = {
      if claimed == Lane.held { claimed = unsafe Lane.claim(lane, span: span) }
      return claimed != Lane.held
    }
    let look = { () -> Waiter.Look in
      if tryClaim() { return .ready }
      let ring = unsafe lane.pointee.ring
      let seen = ring.cursor.loadAcquire()
      let (lowest, cause, _) = gate.lowest(in: ring, cursor: seen)
      let isHeld = Packed.cursorOffset(seen) &+ span > lowest &+ ring.capacity
      let holder = isHeld ? cause : .nobody
      failure = self.permanentFailure(holder, span: span, cursor: seen)
      if failure != nil { return .ready }
      do throws(PublishError) {
        if try unsafe self.raiseCeiling(lane, gate: lowest, span: span), tryClaim() {
          return .ready
        }
      } catch {
        failure = error
        return .ready
      }
      let passed = unsafe self.passVoid(lane, span: span)
      let freed =
        unsafe passed || self.free(holder, partition: gate.partition)
        || self.quarantine(lane, holder) || self.liftCeiling(gate, seen, span: span)
      if freed || !isHeld, tryClaim() { return .ready }
      // Whoever holds the ring may be dead, and nobody wakes for that.
      return .stuck
    }
    let isReady =
      timeout == 0
      ? look() == .ready
      : waiter.wait(
        until: Clock.deadline(in: timeout), mask: Sleepers.bit(gate.partition),
        words: [gate.map.partition(gate.partition).blocked], glance: tryClaim, look: look)
    if let failure { throw failure }
    guard isReady else { throw .full(unsafe holdup(lane, span: span)) }
    return claimed
  }

  /// Passes over slots that are out of use, until the claim may be tried anew or something holds it.
  private func passVoid(_ lane: UnsafeMutablePointer<Lane>, span: UInt64) -> Bool {
    let ring = unsafe lane.pointee.ring
    let table = unsafe lane.pointee.gate.quarantine(of: ring)
    let void = table.nextHolder(from: ring.end)
    // Nobody else would notice that the owner of slots out of use has died: they hold nobody.
    var moved = void.map { recovery.free($0.publisher) } ?? false
    // Bounded: padding and a passing claim for each row of the table.
    for _ in 0..<(2 * table.rows.count) {
      switch unsafe Lane.passVoid(lane, span: span) {
      case .nothing: return moved
      case .moved: moved = true
      case .padding(let offset, let padding):
        unsafe Self.abort(state, lane, offset, span: padding)
        moved = true
      }
    }
    return moved
  }

  /// The ceiling holds the claim, and nobody keeps house who could raise it: the bus goes on, and says
  /// that its offsets are not covered.
  private func liftCeiling(_ gate: Gate, _ cursor: UInt64, span: UInt64) -> Bool {
    let ceiling = gate.map.partition(gate.partition).ceiling.loadAcquire()
    guard Packed.cursorOffset(cursor) &+ span > ceiling,
      (try? FileLock.isHeld(SHMBUS_LOCK_KEEPER, seenFrom: recovery.control)) == false
    else { return false }
    return gate.overdraw(ceiling)
  }

  /// What no waiting can mend. Own loans are to blame only where they still hold the gate now: a reader may
  /// have moved up to them since the claim was tried.
  private func permanentFailure(
    _ holder: Gate.Holder, span: UInt64, cursor: UInt64
  ) -> PublishError? {
    if let loss { return PublishError(loss) }
    if bus.isRemoved { return .removed }
    if Packed.cursorOffset(cursor) &+ span > Packed.offsetLimit { return .exhausted }
    return holder == .claim(publisher: row) ? .heldByOwnLoans : nil
  }

  /// Takes the claim that holds the gate out of use when its owner has been silent for too long.
  private func quarantine(
    _ lane: UnsafeMutablePointer<Lane>, _ holder: Gate.Holder
  ) -> Bool {
    guard case .claim(let publisher) = holder else { return false }
    let ring = unsafe lane.pointee.ring
    let gate = unsafe lane.pointee.gate
    let seen = ring.cursor.loadAcquire()
    let (offset, again, _) = gate.lowest(in: ring, cursor: seen)
    guard again == holder,
      let span = ring.openSpan(at: offset, of: UInt64(publisher), cursor: seen)
    else { return false }
    return unsafe state.pointee.suspect.watch(
      offset, span: span, publisher: publisher, gate.quarantine(of: ring), taker: owner,
      patience: bus.configuration.claimTimeout.nanoseconds)
  }

  /// Frees the holder's row if its process is dead.
  private func free(_ holder: Gate.Holder, partition: Int) -> Bool {
    switch holder {
    case .nobody: false
    case .claim(let publisher): recovery.free(publisher)
    case .head(let headRow) where headRow < bus.map.layout.maxGroups:
      recovery.freeGroup(headRow, partition: partition)
    case .head(let headRow): recovery.free(bus.map.endpointRow(ofHead: headRow))
    }
  }

  private func holdup(
    _ lane: UnsafeMutablePointer<Lane>, span: UInt64
  ) -> PublishError.Holdup {
    let gate = unsafe lane.pointee.gate
    let ring = unsafe lane.pointee.ring
    let seen = ring.cursor.loadAcquire()
    let end = Packed.cursorOffset(seen)
    var (offset, holder, _) = gate.lowest(in: ring, cursor: seen)
    // No gap between slots out of use is long enough: not the gate holds it, but their owner.
    if end &+ span <= offset &+ ring.capacity,
      let void = gate.quarantine(of: ring).nextHolder(from: end)
    {
      (offset, holder) = (void.offset, .claim(publisher: void.publisher))
    }
    let (kind, row): (PublishError.Holdup.Kind, Int) =
      switch holder {
      case .nobody: (.unknown, 0)
      case .claim(let publisher): (.publisher, publisher)
      case .head(let row) where row < bus.map.layout.maxGroups: (.group, row)
      case .head(let row): (.subscriber, bus.map.endpointRow(ofHead: row))
      }
    let endpoint = kind == .group || kind == .unknown ? nil : bus.map.endpoint(row)
    let silence = endpoint.map { Age.nanoseconds(since: $0.heartbeat.loadRelaxed()) } ?? 0
    return PublishError.Holdup(
      kind: kind, partition: gate.partition, row: row,
      name: kind == .group ? bus.map.group(row).name.text : "",
      pid: endpoint.map { unsafe Int($0.fields.pointee.pid) } ?? 0, offset: offset,
      behind: ring.end &- offset, silence: .nanoseconds(Int64(clamping: silence)))
  }
}

import CShmBus
import Glibc

// What stands at a subscriber's positions: padding, claims of the dead and the silent, overruns, and messages that
// must be copied before they are believed.

extension SubscriberCore {
  /// Looks at each partition once. Nothing that was seen is believed if a segment was cut meanwhile.
  func scan() -> Sighting {
    if hasChanged || seat?.tend() == true {
      return loss.map { .failure(SubscribeError($0)) } ?? .changed
    }
    let sighting = search()
    return loss.map { .failure(SubscribeError($0)) } ?? sighting
  }

  /// Begins with the current partition unless its run is over.
  private func search() -> Sighting {
    let count = unsafe state.pointee.trackCount
    let first = unsafe state.pointee.current + (state.pointee.runLeft == 0 ? 1 : 0)
    var stuck = false
    for step in 0..<count {
      let place = (first + step) % count
      switch unsafe look(state, place) {
      case .nothing(let claimed): stuck = stuck || claimed
      case let sighting: return sighting
      }
    }
    return rest(stuck: stuck)
  }

  /// Nothing to hand out: there is time to say that one lives, and now and then to look whether somebody
  /// took the bus's name away.
  private func rest(stuck: Bool) -> Sighting {
    let now = Clock.realtimeOfTick()
    bus.map.endpoint(row).heartbeat.storeRelaxed(now)
    if stuck { return .nothing(stuck: true) }
    let mustLook = now &- lookedAtName > 250_000_000
    if mustLook { lookedAtName = now }
    let isRemoved = mustLook ? bus.isRemoved : bus.isRetired
    return isRemoved ? .failure(.removed) : .nothing(stuck: false)
  }

  /// Looks at one partition, passing over padding and what the dead left.
  func look(_ state: UnsafeMutablePointer<SubscriberState>, _ place: Int) -> Sighting {
    let track = unsafe state.pointee.tracks + place
    let ring = unsafe track.pointee.ring
    if let gap = unsafe trimmed(track) ?? missed(track) { return .failure(gap) }
    // How many slots may be passed over by the table: in a ring that works there is room between them.
    var patience = ring.capacity
    // Ends: every round that goes on has moved the position forward, at most to the cursor. A damaged
    // one may be far away, but words of slots are of one lap only, and the table is believed for one.
    while true {
      let position = unsafe track.pointee.position
      let standing = ring.standing(at: position)
      // After the control word: a verdict that was final before a late commit is then seen (R2). Not
      // beyond the cursor: a publisher says that a lap is void before it passes over the slots.
      if let span = unsafe quarantine(track).voidSpan(at: position), position < ring.end {
        unsafe skip(track, span)
        guard span < patience else { return .nothing(stuck: true) }
        patience -= span
        continue
      }
      switch standing {
      case .message(let span):
        if unsafe position < track.pointee.startsAt {
          unsafe skip(track, span)
        } else if let sighting = unsafe sight(state, place, position, span: span) {
          return sighting
        }
      case .padding(let span):
        if let gap = unsafe lost(track, at: position) { return .failure(gap) }
        unsafe skip(track, span)
      case .claimed(let span, let publisher):
        guard let passed = unsafe passClaim(track, publisher, span: span, standing) else {
          return .nothing(stuck: true)
        }
        unsafe skip(track, passed)
      case .nothing:
        let cursor = ring.cursor.loadAcquire()  // D1, partner: C1
        let end = Packed.cursorOffset(cursor)
        if end <= position { return .nothing(stuck: false) }
        if end > position &+ ring.capacity {
          if let sighting = unsafe overrun(track) { return sighting }
          continue
        }
        guard let (publisher, span) = ring.unmarkedClaim(at: position, cursor: cursor),
          let passed = unsafe passClaim(track, publisher, span: span, standing)
        else { return .nothing(stuck: true) }
        unsafe skip(track, passed)
      case .overrun:
        if let sighting = unsafe overrun(track) { return sighting }
      }
    }
  }

  private func skip(_ track: UnsafeMutablePointer<Track>, _ span: UInt64) {
    unsafe Self.goOn(track, to: track.pointee.position &+ span)
    unsafe Self.giveBack(track)
  }

  private func quarantine(_ track: UnsafeMutablePointer<Track>) -> Quarantine {
    unsafe Quarantine(map: bus.map, partition: track.pointee.partition, ring: track.pointee.ring)
  }

  /// The span of an open claim that need not be waited for: its owner is dead, or has been silent for
  /// so long that its slots are taken out of use. Asked at most once a millisecond.
  private func passClaim(
    _ track: UnsafeMutablePointer<Track>, _ publisher: UInt64, span: UInt64,
    _ standing: Ring.Standing
  ) -> UInt64? {
    let partition = unsafe track.pointee.partition
    // A damaged word names nobody who could be asked.
    guard publisher < UInt64(bus.map.layout.maxPublishers) else { return nil }
    let now = Clock.monotonic()
    var (suspect, probed) = suspects[partition] ?? (Suspect(), 0)
    guard now &- probed > 1_000_000 else { return nil }
    probed = now
    defer { suspects[partition] = (suspect, probed) }
    let position = unsafe track.pointee.position
    if recovery.lockIsFree(Int(publisher)) {
      // D3. The probe came after the claim was read: its claimant is dead if the claim still stands.
      return unsafe track.pointee.ring.standing(at: position) == standing ? span : nil
    }
    let isVoid = suspect.watch(
      position, span: span, publisher: Int(publisher), unsafe quarantine(track), taker: owner,
      patience: bus.configuration.claimTimeout.nanoseconds)
    return isVoid ? span : nil
  }

  /// A message that is safe to read in place, or a copy that was whole. Nil to look again.
  private func sight(
    _ state: UnsafeMutablePointer<SubscriberState>, _ place: Int, _ position: Offset, span: UInt64
  ) -> Sighting? {
    let track = unsafe state.pointee.tracks + place
    let ring = unsafe track.pointee.ring
    let header = ring.header(position)
    let length = Int(header.length)
    let key = header.keyWord
    let keyLength = Int(key.length)
    let bytes = length + keyLength
    let fits = bytes <= ring.room(inSpan: span)
    var copy: UnsafeMutableRawPointer?
    if unsafe position < track.pointee.heldFrom {
      if fits {
        let buffer = unsafe state.pointee.copies.reserve(SlotHeader.size + bytes)
        unsafe memcpy(buffer, header.base, SlotHeader.size)
        unsafe memcpy(buffer + SlotHeader.size, ring.cell(position), bytes)
        unsafe copy = buffer
      }
      guard ring.isIntact(position) else { return unsafe overrun(track) }
    }
    let source = unsafe copy.map { unsafe SlotHeader($0) } ?? header
    let payload = unsafe copy.map { unsafe $0 + SlotHeader.size } ?? ring.cell(position)
    guard fits,
      unsafe isSound(
        source, payload, byteCount: bytes, flags: key.flags, at: position)
    else {
      // A member that was expired while it stood still may find half of what others wrote there since.
      return unsafe ring.isIntact(position) ? damaged(track, span: span) : overrun(track)
    }
    return unsafe .message(
      SightedMessage(
        place: place, span: span, length: length, keyLength: keyLength, isCopied: copy != nil))
  }

  /// Whether a message is what its publisher wrote, as far as the bus lets one know.
  private func isSound(
    _ header: SlotHeader, _ payload: UnsafeMutableRawPointer, byteCount: Int, flags: UInt16,
    at offset: Offset
  ) -> Bool {
    guard bus.configuration.checksum else { return true }
    return unsafe flags & SlotHeader.Flag.checksum != 0
      && header.checksum
        == shmbus_crc32c(SlotHeader.checksumStart(offset), payload, byteCount)
  }

  private func damaged(_ track: UnsafeMutablePointer<Track>, span: UInt64) -> Sighting {
    let position = unsafe track.pointee.position
    unsafe skip(track, span)
    return unsafe .failure(.damaged(partition: track.pointee.partition, offset: position))
  }

  /// Goes on an eighth of the ring behind the oldest message, so that it is not overrun again at once, but
  /// not beyond what the gate keeps for it: that is whole. Nil when nothing is lost that was asked for. A
  /// later lap that the cursor has not reached is no overrun but damage, and at the cursor it is nothing.
  private func overrun(_ track: UnsafeMutablePointer<Track>) -> Sighting? {
    let ring = unsafe track.pointee.ring
    let position = unsafe track.pointee.position
    let from = unsafe max(position, track.pointee.startsAt)
    if ring.end <= position { return .nothing(stuck: false) }
    let partition = unsafe track.pointee.partition
    let goal = unsafe min(ring.oldestIntact + ring.capacity / 8, track.pointee.heldFrom)
    let next = whenGone == .latest ? ring.end : ring.messageStart(atOrAfter: goal)
    let to = max(position, next)
    guard to > position else { return unsafe damaged(track, span: 1) }
    if whenGone != .fail {
      unsafe Self.goOn(track, to: to)
      unsafe Self.giveBack(track)
    }
    guard to > from else { return nil }
    return .failure(.gap(.init(partition: partition, from: from, to: to)))
  }

  /// Where the reader asked to begin was gone when it came: said once.
  private func missed(_ track: UnsafeMutablePointer<Track>) -> SubscribeError? {
    let from = unsafe track.pointee.missedFrom
    guard from != .max else { return nil }
    let isRestored = unsafe track.pointee.lost != nil
    if whenGone == .latest { unsafe Self.goOn(track, to: track.pointee.ring.end) }
    if whenGone != .fail {
      // Told at least once: whoever dies before it says so leaves it to the next member.
      unsafe track.pointee.lost?.storeRelease(0)  // N5
      unsafe track.pointee.lost = nil
      unsafe track.pointee.missedFrom = .max
      unsafe track.pointee.settlePlainFrom(verifies: bus.configuration.checksum)
    }
    let partition = unsafe track.pointee.partition
    let to = unsafe max(track.pointee.position, track.pointee.startsAt)
    let isTrimmed = unsafe track.pointee.start.loadAcquire() >= to  // Z2, partner: Z1
    let cause: SubscribeError.Gap.Cause =
      isRestored ? .restored : isTrimmed ? .trimmed : .overwritten
    return .gap(.init(partition: partition, from: from, to: to, cause: cause))
  }
}

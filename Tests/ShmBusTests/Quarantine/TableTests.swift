import TestSupport
import Testing

@testable import ShmBus

/// The process that quarantines is killed after each of its steps: what it leaves is put into the table by
/// hand, and everybody else must finish it, ignore it, or clear it away.
@Suite struct TableTests {
  /// The last thing it did.
  enum Step: CaseIterable {
    case taken
    case filled
    case stamped
    case revoked
    case pending
    case final
  }

  static let patience = Duration.milliseconds(30)

  /// A name of a registry row that nobody uses: its taker is dead and resolved.
  static let dead = Packed.owner(row: 100, incarnation: 7)

  @Test(arguments: Step.allCases)
  func theOwnerGoesOn(_ step: Step) throws {
    try withBus(impatient(timeout: Self.patience)) { bus in
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      var stream = try bus.stream()
      try stream.publish(count: 40)
      try stream.check(&subscriber, keep: true)
      try stream.check(&observer)
      let owner = try bus.publisher()
      var loan = try owner.loan(byteCount: 100)
      loan.fill(Pattern.bytes(2, 0, count: 100))
      let offset = loan.offset
      leave(step, bus, offset, span: 2, owner.core, taker: Self.dead)
      if step == .final {
        holds(isFenced(loan))
      } else {
        #expect(try loan.publish() == offset)
        let message = try #require(try subscriber.copy())
        #expect(message.payload == Pattern.bytes(2, 0, count: 100))
        #expect(try observer.copy() == message)
      }
      try stream.lap(3, &subscriber, &observer)
      #expect(bus.quarantined.isStamped == false)
      // Before the stamp is raised nobody looks: the row waits for the next quarantine.
      #expect(bus.quarantined.rows == (step == .taken || step == .filled ? 1 : 0))
    }
  }

  @Test(arguments: Step.allCases, [BusConfiguration.WhenFull.block, .overwrite])
  func theOwnerIsSilent(_ step: Step, _ mode: BusConfiguration.WhenFull) throws {
    try withBus(impatient(mode, timeout: Self.patience)) { bus in
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      var stream = try bus.stream()
      let owner = try bus.publisher()
      let loan = try owner.loan(byteCount: 100)
      let slots = Set((0..<2).map { (loan.offset + $0) & 63 })
      leave(step, bus, loan.offset, span: 2, owner.core, taker: Self.dead)
      try stream.lap(3, &subscriber, &observer)
      #expect(stream.used.isDisjoint(with: slots))
      holds(isFenced(loan))
      try stream.lap(3, &subscriber, &observer)
      #expect(slots.isSubset(of: stream.used))
      #expect(bus.quarantined == (0, false))
    }
  }

  @Test(arguments: Step.allCases)
  func theOwnerDiesToo(_ step: Step) throws {
    try withBus(impatient(timeout: Self.patience)) { bus in
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      let holder = try Holder(bus, "loans", 1, bytes: 100)
      var stream = try bus.stream()
      let offset = holder.loans[0]
      let row = try #require(try bus.status().endpoints.first { $0.pid == Int(holder.actor.pid) })
      let name = Packed.owner(
        row: row.row, incarnation: bus.map.endpoint(row.row).incarnation.loadAcquire())
      leave(step, bus, offset, span: 2, row: row.row, owner: name, stream, taker: Self.dead)
      holder.kill()
      try stream.lap(4, &subscriber, &observer)
      #expect(stream.used.isSuperset(of: [offset & 63, (offset + 1) & 63]))
      #expect(bus.quarantined.isStamped == false)
    }
  }

  /// A verdict that comes after a publisher has gone on would be carried into that publisher's own lap:
  /// whoever passes a pending row decides it first.
  @Test func nobodyGoesOnPastAPendingRow() throws {
    try withBus(impatient(.overwrite, timeout: Self.patience)) { bus in
      var stream = try bus.stream()
      let offset = try stream.publisher.publish(Pattern.bytes(1, 0, count: 8))
      leave(.pending, bus, offset, span: 1, stream.publisher.core, taker: Self.dead)
      let other = try bus.publisher()
      for number in 0..<64 { try other.publish(Pattern.bytes(3, number, count: 8)) }
      let row = bus.map.quarantineRow(0, partition: 0)
      #expect([.withdrawn, .free].contains(Verdict(row.verdict.loadAcquire()).state))
      stream.used = []
    }
  }

  /// It found the claim open long ago; since then another lap's claim has taken the slots.
  @Test func aTakerThatComesLateVoidsNothing() throws {
    try withBus(impatient(timeout: Self.patience)) { bus in
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      var stream = try bus.stream()
      try stream.lap(3, &subscriber, &observer)
      let owner = try bus.publisher()
      let loan = try owner.loan(byteCount: 8)
      let ring = owner.core.segments[0].ring
      let old = loan.offset - ring.capacity
      // The old claim was passed over: its slot says nothing of its lap.
      let before = ControlWord(
        state: ControlWord.committed, lap: ring.lap(old) - 1, span: 1, publisher: 0)
      ring.header(old).control.storeRelease(before.raw)
      let gone = Packed.owner(row: 3, incarnation: 1)
      leave(.pending, bus, old, span: 1, row: 3, owner: gone, stream, taker: Self.dead)
      let table = Quarantine(map: bus.map, partition: 0, ring: ring)
      #expect(table.voidSpan(at: old) == nil)
      #expect(table.entries.map(\.verdict.state) == [.withdrawn])
      holds(!isFenced(loan))
    }
  }

  /// Two that raced: any final row voids the claim, and the owner answers both.
  @Test func aClaimThatIsTakenTwiceIsVoidOnce() throws {
    try withBus(impatient(timeout: Self.patience)) { bus in
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      var stream = try bus.stream()
      let owner = try bus.publisher()
      let loan = try owner.loan(byteCount: 100)
      for step in [Step.pending, .final] {
        leave(step, bus, loan.offset, span: 2, owner.core, taker: Self.dead)
      }
      try stream.lap(2, &subscriber, &observer)
      holds(isFenced(loan))
      try stream.lap(3, &subscriber, &observer)
      #expect(bus.quarantined == (0, false))
    }
  }

  /// When the last row is gone, messages are taken the short way again.
  @Test func anEmptyTableCostsNothing() throws {
    try withBus(impatient(timeout: Self.patience)) { bus in
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      var stream = try bus.stream()
      let owner = try bus.publisher()
      let loan = try owner.loan(byteCount: 100)
      leave(.final, bus, loan.offset, span: 2, owner.core, taker: Self.dead)
      try stream.publish()
      #expect(unsafe !Subscriber.isReady(subscriber.state.pointee.tracks))
      holds(isFenced(loan))
      try stream.lap(3, &subscriber, &observer)
      #expect(bus.quarantined == (0, false))
      try stream.publish()
      #expect(unsafe Subscriber.isReady(subscriber.state.pointee.tracks))
    }
  }

  /// A taker that was stopped stores its claim late: the row must still be its own.
  @Test func aTakenRowWaitsForItsTaker() throws {
    try withBus(impatient(timeout: Self.patience)) { bus in
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      var stream = try bus.stream()
      let owner = try bus.publisher()
      let loan = try owner.loan(byteCount: 100)
      do {
        let taker = try bus.observer()
        leave(.taken, bus, loan.offset, span: 2, owner.core, taker: taker.core.owner)
        try stream.lap(2, &subscriber, &observer)
        holds(isFenced(loan))
        try stream.lap(3, &subscriber, &observer)
        #expect(bus.quarantined == (1, true), "the row was given away under its taker")
        _ = consume taker
      }
      try stream.lap(1, &subscriber, &observer)
      #expect(bus.quarantined == (0, false))
    }
  }

  /// A row that became void when its owner's row had been freed already.
  @Test func whatNobodyOwnsIsGivenBack() throws {
    try withBus(impatient(timeout: Self.patience)) { bus in
      var subscriber = try bus.subscriber()
      var observer = try bus.observer()
      var stream = try bus.stream()
      try stream.publish(count: 100)
      let gone = Packed.owner(row: 3, incarnation: 1)
      leave(.final, bus, 0, span: 2, row: 3, owner: gone, stream, taker: Self.dead)
      stream.used = []
      subscriber = try bus.subscriber()
      observer = try bus.observer()
      stream.forget()
      try stream.lap(4, &subscriber, &observer)
      #expect(stream.used.isSuperset(of: [0, 1]))
      #expect(bus.quarantined == (0, false))
    }
  }

  @Test func theStampNeverReturns() throws {
    try withBus(impatient(timeout: Self.patience)) { bus in
      let stream = try bus.stream()
      let table = Quarantine(map: bus.map, partition: 0, ring: stream.ring)
      var seen: Set<UInt64> = [table.stamp.loadAcquire()]
      for _ in 0..<5 {
        // Taken and withdrawn: its claim was decided long ago.
        let offset = try stream.publisher.publish(Pattern.bytes(1, 0, count: 8))
        _ = table.take(
          offset, span: 1, publisher: stream.publisher.core.row, incarnation: 1, taker: 1)
        #expect(seen.insert(table.stamp.loadAcquire()).inserted)
        table.reclaim(cursor: stream.ring.end)
        #expect(!table.mayHaveRows)
        #expect(seen.insert(table.stamp.loadAcquire()).inserted)
      }
    }
  }

  /// No row of a damaged table makes a reader stand still or look outside.
  @Test func aDamagedTableHurtsNobody() throws {
    try withBus(impatient(timeout: Self.patience)) { bus in
      var seed = Seed(11)
      for _ in 0..<50 {
        for number in 0..<bus.map.layout.quarantineRows {
          let row = bus.map.quarantineRow(number, partition: 0)
          row.claim.storeRelease(seed.next() & ~0xfff | (seed.oneIn(2) ? 0 : seed.next() & 0xfff))
          row.owner.storeRelease(seed.next())
          row.verdict.storeRelease(seed.next() & ~7 | seed.next() % 6)
        }
        bus.map.partition(0).quarantineStamp.storeRelease(1)
        let publisher = try bus.publisher(timeout: .milliseconds(1))
        var reader = try bus.observer(from: .earliest)
        for number in 0..<20 { _ = try? publisher.publish(Pattern.bytes(1, number, count: 8)) }
        _ = try? reader.ready()
      }
    }
  }

  private func leave(
    _ step: Step, _ bus: Bus, _ offset: Offset, span: UInt64, _ owner: PublisherCore, taker: UInt64
  ) {
    let table = Quarantine(map: bus.map, partition: 0, ring: owner.segments[0].ring)
    Self.leave(step, table, offset, span: span, row: owner.row, owner: owner.owner, taker)
  }

  private func leave(
    _ step: Step, _ bus: Bus, _ offset: Offset, span: UInt64, row: Int, owner: UInt64,
    _ stream: borrowing Stream, taker: UInt64
  ) {
    let table = Quarantine(map: bus.map, partition: 0, ring: stream.ring)
    Self.leave(step, table, offset, span: span, row: row, owner: owner, taker)
  }

  /// The steps of ``Quarantine/take(_:span:publisher:incarnation:taker:)``, as far as `step`.
  private static func leave(
    _ step: Step, _ table: Quarantine, _ offset: Offset, span: UInt64, row publisher: Int,
    owner: UInt64, _ taker: UInt64
  ) {
    let steps = Step.allCases
    let last = steps.firstIndex(of: step) ?? 0
    let free = table.rows.first {
      Verdict(table.map.quarantineRow($0, partition: 0).verdict.loadAcquire()).state == .free
    }
    let row = table.map.quarantineRow(free ?? 0, partition: 0)
    row.verdict.storeRelease(Verdict.taken(by: taker, use: 1).raw)
    guard last >= 1 else { return }
    row.claim.storeRelease(Packed.claim(offset, span: span))
    row.owner.storeRelease(owner)
    guard last >= 2 else { return }
    table.stamp.storeRelease((table.stamp.loadAcquire() + 1) | 1)
    guard last >= 3 else { return }
    table.map.endpoint(publisher).revoked.add(1)
    guard last >= 4 else { return }
    let pending = Verdict(.pending, lap: table.ring.lap(offset), use: 1)
    row.verdict.storeRelease(pending.raw)
    guard last >= 5 else { return }
    row.verdict.storeRelease(pending.becoming(.final).raw)
  }
}

import Testing

@testable import ShmBus

@Suite struct ControlWordTests {
  private static let corners: [(lap: UInt64, span: UInt64, publisher: UInt64)] = [
    (1, 1, 0), (1, 4095, 1023), ((1 << 40) - 1, 1, 1022), (0, 4095, 512), (0x12_3456_789a, 77, 3),
  ]

  @Test(arguments: 0..<4, corners.indices)
  func itsPartsComeBackAndDoNotTouch(state: Int, corner: Int) {
    let (lap, span, publisher) = Self.corners[corner]
    let word = ControlWord(state: UInt64(state), lap: lap, span: span, publisher: publisher)
    #expect(word.state == UInt64(state))
    #expect(word.lap == lap)
    #expect(word.span == span)
    #expect(word.publisher == publisher)
    #expect(word.isCommitted(in: lap) == (UInt64(state) == ControlWord.committed))
    #expect(!word.isCommitted(in: lap ^ 1))
  }

  @Test func zeroedMemoryBelongsToNoLap() {
    let word = ControlWord(0)
    for lap in [1, 2, 1000] as [UInt64] {
      #expect(word.isOlder(than: lap))
      #expect(!word.isDecided(in: lap))
      #expect(!word.isCommitted(in: lap))
      #expect(!word.isClaimed(in: lap, by: 0))
    }
  }

  @Test func onlyTheClaimantsMarkOfThisLapIsItsClaim() {
    let mark = ControlWord(state: ControlWord.claimed, lap: 7, span: 3, publisher: 5)
    #expect(mark.isClaimed(in: 7, by: 5))
    #expect(!mark.isClaimed(in: 7, by: 4))
    #expect(!mark.isClaimed(in: 8, by: 5))
    #expect(!mark.isDecided(in: 7))
    #expect(mark.isDecided(in: 6), "a later lap decides all earlier ones")
    #expect(mark.isOlder(than: 8))
    for state in [ControlWord.committed, ControlWord.aborted] {
      #expect(ControlWord(state: state, lap: 7, span: 3, publisher: 5).isDecided(in: 7))
    }
  }
}

@Suite struct LapTests {
  private static let wrap: UInt64 = 1 << 40

  @Test(arguments: [6, 10, 16, 30] as [UInt64])
  func lapsCountFromOneAndWrap(shift: UInt64) {
    let capacity: Offset = 1 << shift
    #expect(Lap.of(0, shift: shift) == 1)
    #expect(Lap.of(capacity - 1, shift: shift) == 1)
    #expect(Lap.of(capacity, shift: shift) == 2)
    guard shift <= 12 else { return }
    let last = (Self.wrap - 1) << shift
    #expect(Lap.of(last - 1, shift: shift) == Self.wrap - 1)
    #expect(Lap.of(last, shift: shift) == 0)
    #expect(Lap.of(last + capacity, shift: shift) == 1)
  }

  @Test func distancesGoAcrossTheWrap() {
    #expect(Lap.distance(from: 5, to: 5) == 0)
    #expect(Lap.distance(from: 5, to: 6) == 1)
    #expect(Lap.distance(from: 6, to: 5) == -1)
    #expect(Lap.distance(from: Self.wrap - 1, to: 0) == 1)
    #expect(Lap.distance(from: 0, to: Self.wrap - 1) == -1)
    #expect(Lap.distance(from: Self.wrap - 2, to: 3) == 5)
    #expect(Lap.distance(from: 0, to: Self.wrap / 2 - 1) == Int64(Self.wrap / 2 - 1))
  }

  @Test func wordsAreComparedAcrossTheWrap() {
    let old = ControlWord(
      state: ControlWord.committed, lap: Self.wrap - 1, span: 1, publisher: 0)
    #expect(old.isOlder(than: 0))
    #expect(old.isOlder(than: 1))
    #expect(!old.isDecided(in: 0))
    let new = ControlWord(state: ControlWord.claimed, lap: 0, span: 1, publisher: 0)
    #expect(new.isDecided(in: Self.wrap - 1))
    #expect(!new.isOlder(than: Self.wrap - 1))
  }
}

@Suite struct PackedTests {
  @Test(arguments: [0, 1, 63, (1 << 52) - 1] as [Offset], [0, 1, 1022, 1023] as [UInt64])
  func cursors(offset: Offset, claimant: UInt64) {
    let word = Packed.cursor(offset, claimant: claimant)
    #expect(Packed.cursorOffset(word) == offset)
    #expect(Packed.claimant(word) == claimant)
  }

  @Test(arguments: [0, 1, 4096, (1 << 52) - 1] as [Offset], [0, 1, 4094, 4095] as [UInt64])
  func claimsAndHeads(offset: Offset, small: UInt64) {
    let claim = Packed.claim(offset, span: small)
    #expect(Packed.offset(claim) == offset)
    #expect(Packed.span(claim) == small)
    let head = Packed.head(offset, term: small)
    #expect(Packed.offset(head) == offset)
    #expect(Packed.term(head) == small)
  }

  @Test func nothingIsTakenForSomething() {
    #expect(Packed.offset(Packed.none) == Packed.noOffset)
    #expect(Packed.noOffset >= Packed.offsetLimit, "no real head looks like none")
    #expect(Packed.owner(row: 0, incarnation: 1) != 0)
    #expect(Packed.owner(row: 4095, incarnation: 1) != Packed.owner(row: 4095, incarnation: 3))
  }
}

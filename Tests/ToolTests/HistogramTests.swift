import Testing

@testable import shmctl

/// Measurements counted by size.
struct HistogramTests {
  @Test func smallOnesAreExact() {
    let histogram = Histogram()
    for value in UInt64(0)...511 { histogram.add(value) }
    #expect(histogram.steps.map(\.value) == Array(0...511))
  }

  @Test func eachIsKeptToA256thOfItsSize() {
    for power in UInt64(9)...63 {
      let least: UInt64 = 1 << power
      for value in [least, least + least / 3, least | (least - 1)] {
        let histogram = Histogram()
        histogram.add(value)
        let kept = histogram.steps[0].value
        #expect(max(kept, value) - min(kept, value) <= value / 256, "\(value) became \(kept)")
      }
    }
    let histogram = Histogram()
    histogram.add(.max)
    #expect(histogram.total == 1)
  }

  @Test func percentilesAreThoseOfTheValues() {
    let histogram = Histogram()
    // 1 to 500, in an order of its own.
    for number in 0..<500 { histogram.add(UInt64(number * 7 % 500 + 1)) }
    let found = Percentiles(histogram)
    #expect(found.p50 == 251 && found[0] == 1 && found[0.9] == 451 && found[0.99] == 496)
    #expect(found[0.999] == 500 && found.largest == 500)
  }

  @Test func anEmptyOneSaysZero() {
    #expect(Percentiles(Histogram()).printed == [0, 0, 0, 0, 0])
  }

  @Test func twoAreOneTogether() throws {
    let (one, other) = (Histogram(), Histogram())
    one.add(3)
    other.add(3)
    other.add(1_000_000)
    one.add(other)
    #expect(one.total == 3)
    let read = try #require(Histogram(line: one.line))
    #expect(read.line == one.line && read.total == 3)
    #expect(Histogram(line: "1:2 3") == nil)
  }
}

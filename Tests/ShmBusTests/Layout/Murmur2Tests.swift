import TestSupport
import Testing

@testable import ShmBus

@Suite struct Murmur2Tests {
  /// From Kafka's own `UtilsTest.testMurmur2`.
  private static let vectors: [([UInt8], Int32)] = [
    (Array("21".utf8), -973_932_308),
    (Array("foobar".utf8), -790_332_482),
    (Array("a-little-bit-long-string".utf8), -985_981_536),
    (Array("a-little-bit-longer-string".utf8), -1_486_304_829),
    (Array("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8".utf8), -58_897_971),
    (Array("abc".utf8), 479_470_107),
  ]

  @Test(arguments: vectors)
  func kafkasVectors(key: [UInt8], expected: Int32) {
    let hash = unsafe Murmur2.hash(key.span.bytes)
    #expect(Int32(bitPattern: hash) == expected)
    for partitions in [1, 2, 3, 4, 7, 1024] {
      // Utils.toPositive: the sign bit is cut off, not the absolute value taken.
      let positive = Int(expected & 0x7fff_ffff)
      #expect(Murmur2.partition(ofHash: hash, among: partitions) == positive % partitions)
    }
  }

  @Test func everyLengthOfTailAndAnyAlignment() {
    var seed = Seed.announced("murmur2")
    for count in 0..<64 {
      let key = (0..<count).map { _ in UInt8(truncatingIfNeeded: seed.next()) }
      let expected = reference(key)
      for shift in 0..<4 {
        let moved = Array(repeating: 0, count: shift) + key
        let span = unsafe moved.span.bytes.extracting(shift...)
        #expect(Murmur2.hash(span) == expected)
      }
    }
  }

  /// Kafka's Java, word for word.
  private func reference(_ data: [UInt8]) -> UInt32 {
    let m: UInt32 = 0x5bd1_e995
    var h = 0x9747_b28c ^ UInt32(data.count)
    for i in 0..<(data.count / 4) {
      var k = (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[i * 4 + $1]) << UInt32($1 * 8) }
      k &*= m
      k ^= k >> 24
      k &*= m
      h &*= m
      h ^= k
    }
    let tail = data.count & ~3
    if data.count % 4 == 3 { h ^= UInt32(data[tail + 2]) << 16 }
    if data.count % 4 >= 2 { h ^= UInt32(data[tail + 1]) << 8 }
    if data.count % 4 >= 1 {
      h ^= UInt32(data[tail])
      h &*= m
    }
    h ^= h >> 13
    h &*= m
    h ^= h >> 15
    return h
  }
}

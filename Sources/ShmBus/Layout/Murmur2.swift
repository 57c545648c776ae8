/// Kafka's key hash (`org.apache.kafka.common.utils.Utils.murmur2`), so that a key lands in the partition
/// where Kafka would put it.
@usableFromInline
enum Murmur2 {
  @inlinable
  static func hash(_ bytes: RawSpan) -> UInt32 {
    let m: UInt32 = 0x5bd1_e995
    let count = bytes.byteCount
    var h = 0x9747_b28c ^ UInt32(truncatingIfNeeded: count)
    var i = 0
    while i &+ 4 <= count {
      var k = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: i, as: UInt32.self)
      k = k &* m
      k ^= k &>> 24
      h = h &* m ^ k &* m
      i &+= 4
    }
    if i < count {
      var tail: UInt32 = 0
      var shift: UInt32 = 0
      while i < count {
        tail |=
          UInt32(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: i, as: UInt8.self)) &<< shift
        shift &+= 8
        i &+= 1
      }
      h = (h ^ tail) &* m
    }
    h ^= h &>> 13
    h = h &* m
    return h ^ h &>> 15
  }

  /// Kafka's `toPositive(murmur2(key)) % partitions`.
  @inlinable
  static func partition(ofHash hash: UInt32, among partitions: Int) -> Int {
    Int(hash & 0x7fff_ffff) % partitions
  }
}

/// Chooses the partition of a message that names neither a partition nor a key. A key always goes where
/// Kafka's default partitioner would put it: `murmur2(key) mod partitions`.
public enum Partitioner: Sendable, Equatable {
  /// Stays with one partition for 64 messages or one batch, then moves on: batches fill, partitions share.
  case sticky
  /// The next partition for each message.
  case roundRobin
  /// Any partition, evenly.
  case random
}

/// The choice's state: private to one publisher.
@usableFromInline
struct PartitionChoice {
  let partitioner: Partitioner
  @usableFromInline var partitions: Int
  private var current: Int
  private var remaining = Self.stickiness
  private var random: UInt64

  private static let stickiness = 64

  init(_ partitioner: Partitioner, partitions: Int) {
    self.partitioner = partitioner
    self.partitions = partitions
    random = UInt64.random(in: 1...UInt64.max)
    current = Int(random % UInt64(partitions))
  }

  @usableFromInline
  mutating func next() -> Int {
    switch partitioner {
    case .sticky:
      if remaining == 0 { return nextBatch() }
      remaining -= 1
    case .roundRobin, .random:
      return nextBatch()
    }
    return current
  }

  /// A new choice for a whole batch.
  @usableFromInline
  mutating func nextBatch() -> Int {
    remaining = Self.stickiness - 1
    guard partitioner == .random else {
      current = current + 1 == partitions ? 0 : current + 1
      return current
    }
    // xorshift64: spread, not secrecy.
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    current = Int(random % UInt64(partitions))
    return current
  }
}

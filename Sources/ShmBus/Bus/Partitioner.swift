/// Chooses the partition of a message that names neither a partition nor a key. A key always goes where
/// Kafka's default partitioner would put it: `murmur2(key) mod partitions`.
///
/// A publisher whose thread is kept on one NUMA node (`pinning`, `numactl`) chooses among the partitions
/// of that node alone, as long as the one in turn has half of its ring free; else among all.
public enum Partitioner: Sendable, Equatable {
  /// Stays with one partition for 64 messages or one batch, then moves on: batches fill, partitions share.
  case sticky
  /// The next partition for each message.
  case roundRobin
  /// Any partition, evenly.
  case random
}

/// The choice's state: private to one publisher.
@safe @usableFromInline
struct PartitionChoice {
  let partitioner: Partitioner
  @usableFromInline var partitions: Int
  private var current: Int
  /// Where this publisher's lanes are: how full a ring is.
  private let lanes: UnsafeMutablePointer<UnsafeMutablePointer<Lane>>
  /// The partitions that are near, and how many: none where near and far are the same.
  private let local: UnsafeMutablePointer<Int>
  private var localCount = 0
  private var turn = 0
  private var remaining = Self.stickiness
  private var random: UInt64

  private static let stickiness = 64

  /// `room`: how many partitions there may be.
  init(
    _ partitioner: Partitioner, partitions: Int,
    lanes: UnsafeMutablePointer<UnsafeMutablePointer<Lane>>, room: Int
  ) {
    unsafe self.lanes = lanes
    unsafe local = .allocate(capacity: room)
    self.partitioner = partitioner
    self.partitions = partitions
    random = UInt64.random(in: 1...UInt64.max)
    current = Int(random % UInt64(partitions))
  }

  func deallocate() { unsafe local.deallocate() }

  /// Says which partitions are near. All of them is as good as none.
  mutating func setLocal(_ near: [Int]) {
    localCount = near.count == partitions ? 0 : near.count
    for (place, partition) in near.enumerated() { unsafe local[place] = partition }
    guard localCount > 0 else { return }
    turn = anyOf(localCount)
    unsafe current = local[turn]
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
    if localCount > 0, let near = nextLocal() { return near }
    guard partitioner == .random else {
      current = current + 1 == partitions ? 0 : current + 1
      return current
    }
    current = anyOf(partitions)
    return current
  }

  private mutating func anyOf(_ count: Int) -> Int {
    // xorshift64: spread, not secrecy.
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return Int(random % UInt64(count))
  }

  /// The near partition in turn, if half of its ring is free; nil otherwise: then all are chosen from,
  /// so that far readers share the work that near ones cannot keep up with.
  private mutating func nextLocal() -> Int? {
    turn = partitioner == .random ? anyOf(localCount) : turn + 1 >= localCount ? 0 : turn + 1
    let partition = unsafe local[turn]
    let lane = unsafe lanes[partition]
    let half = unsafe lane.pointee.ring.capacity / 2
    let cursor = unsafe Packed.cursorOffset(lane.pointee.ring.cursor.loadRelaxed())
    // The cached limit first: it only grows.
    guard
      unsafe cursor &+ half <= lane.pointee.limit || Lane.refreshLimit(lane, span: half)
    else { return nil }
    current = partition
    return partition
  }
}

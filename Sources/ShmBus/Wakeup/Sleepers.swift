/// The handshake by which a waiter sleeps and nobody pays for it but the waiter (`models/wakeup.pml`).
///
/// ```
///   waiter                                   waker (publisher after a commit, reader after moving its head)
///   ------                                   -----
///   own row: asleep := partitions   W1       commit (plain store)                            K1
///   partition: sleepers := 1        W2       compiler barrier
///   membarrier                      W3       sleepers = 0? done                              K2
///   look again; sleep               W4       sleepers := 0 (exchange), wake every row asleep K3
/// ```
///
/// The membarrier puts a full fence into the waker between K1 and K2, so either the waiter sees the commit at
/// W4 or the waker sees the word at K2. W1 before W2: a waker that finds the word set finds the row too. A
/// killed sleeper leaves its row marked: one scan finds it, wakes nobody, and clears it.
///
/// Subscribers sleep on the partition's `sleepers` word, publishers held by a full ring on `blocked`.
@safe @usableFromInline
struct Sleepers {
  let word: SharedWord
  let rows: Range<Int>
  let map: ControlMap

  /// Subscribers asleep on a partition.
  static func subscribers(of partition: Int, in map: ControlMap) -> Sleepers {
    let first = map.layout.maxPublishers
    return Sleepers(
      word: map.partition(partition).sleepers,
      rows: first..<(first + Int(map.subscriberRows.loadAcquire())), map: map)
  }

  /// Publishers asleep on a partition's gate.
  static func publishers(of partition: Int, in map: ControlMap) -> Sleepers {
    Sleepers(
      word: map.partition(partition).blocked,
      rows: 0..<Int(map.publisherRows.loadAcquire()), map: map)
  }

  /// The bit that stands for a partition in a row's `asleep` mask. Two partitions may share one: a wake too
  /// many is harmless.
  static func bit(_ partition: Int) -> UInt64 { 1 << UInt64(partition & 63) }

  /// K3: wakes everyone asleep on this partition.
  func wakeAll(_ partition: Int) {
    guard word.exchange(0) != 0 else { return }
    for row in rows {
      let endpoint = map.endpoint(row)
      let asleep = endpoint.asleep.loadAcquire()
      guard asleep & Self.bit(partition) != 0 else { continue }
      guard endpoint.asleep.exchange(0) != 0 else { continue }
      unsafe Semaphore(endpoint.semaphore).post()
    }
  }
}

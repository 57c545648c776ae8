/// The handshake by which a waiter sleeps and nobody pays for it but the waiter (`models/wakeup.pml`).
///
/// ```
///   waiter                                   waker (publisher after a commit, reader after moving its head)
///   ------                                   -----
///   own row: asleep := partitions   W1       commit (plain store)                            K1
///   partition: sleepers := 1        W2       compiler barrier, or a fence if unregistered
///   membarrier                      W3       sleepers = 0? done                              K2
///   look again; sleep               W4       sleepers := 0 (exchange), wake every row asleep K3
/// ```
///
/// The membarrier puts a full fence into the waker between K1 and K2, so either the waiter sees the commit at
/// W4 or the waker sees the word at K2. W1 before W2: a waker that finds the word set finds the row too. A
/// killed sleeper leaves its row marked: one scan finds it, wakes nobody, and clears it.
///
/// Subscribers sleep on the partition's `sleepers` word, publishers held by a full ring on `blocked`.
struct Sleepers {
  /// Who sleeps.
  enum Side {
    case subscribers
    case publishers
  }

  let side: Side
  let partition: Int
  let map: ControlMap

  /// Subscribers asleep on a partition.
  static func subscribers(of partition: Int, in map: ControlMap) -> Sleepers {
    Sleepers(side: .subscribers, partition: partition, map: map)
  }

  /// Publishers asleep on a partition's gate.
  static func publishers(of partition: Int, in map: ControlMap) -> Sleepers {
    Sleepers(side: .publishers, partition: partition, map: map)
  }

  /// The bit that stands for a partition in a row's `asleep` mask. Two partitions may share one: a
  /// wake too many is harmless.
  static func bit(_ partition: Int) -> UInt64 { 1 << UInt64(partition & 63) }

  /// The word that says whether anybody may be asleep.
  var word: SharedWord {
    let row = map.partition(partition)
    return side == .subscribers ? row.sleepers : row.blocked
  }

  private var rows: Range<Int> {
    side == .publishers ? map.usedPublisherRows : map.usedSubscriberRows
  }

  /// K3: wakes everyone asleep on this partition. The rows are counted after the exchange: an
  /// endpoint that attached before it set the word must be found (`-DROWSEARLY` in the model).
  func wakeAll() {
    guard word.exchange(0) != 0 else { return }
    for row in rows {
      let endpoint = map.endpoint(row)
      guard endpoint.asleep.loadAcquire() & Self.bit(partition) != 0,
        endpoint.asleep.exchange(0) != 0
      else { continue }
      unsafe Semaphore(endpoint.semaphore).post()
    }
  }

  /// The same after a store that somebody may sleep for, at the cost of one load when nobody can be
  /// asleep.
  func wakeAny() {
    ProcessBarrier.beforeLook()
    if word.loadRelaxed() != 0 { wakeAll() }  // K2
  }
}

import Glibc
import ShmBus

/// A publisher that does whatever its seed tells it: copies, loans in any order, batches full and half full,
/// and all of them given up. What it means to do it writes down before, and how it came out behind.
package struct Player {
  /// What its messages say who they are from.
  package let id: Int
  /// The bus's.
  package let configuration: BusConfiguration
  /// What it writes down.
  package let diary: Diary
  /// Whether it falls asleep over its loans, now and then for longer than the bus waits.
  package let isRestless: Bool
  var seed: Seed
  var number = 0

  /// A player that does the same for the same seed.
  package init(
    _ id: Int, _ configuration: BusConfiguration, _ seed: Seed, diary: Diary,
    isRestless: Bool = false
  ) {
    self.id = id
    self.configuration = configuration
    self.seed = seed.branch(UInt64(id))
    self.diary = diary
    self.isRestless = isRestless
  }

  /// Attaches and plays so many steps.
  package mutating func play(_ bus: Bus, steps: Int) throws {
    let publisher = try bus.publisher(timeout: patience)
    diary.join()
    for _ in 0..<steps { try step(publisher) }
  }

  /// Attaches, plays, leaves, and attaches again, until it is told to leave or its diary is full.
  package mutating func playOn(_ bus: Bus) throws {
    while diary.order == .play, !diary.isFull {
      let publisher = try bus.publisher(timeout: .seconds(60), wait: waitStrategy())
      diary.join()
      let isShort = seed.oneIn(4)
      let haste: UInt64 = seed.oneIn(2) ? 16 : 256
      repeat {
        try step(publisher)
        if isRestless, seed.oneIn(haste) { _ = usleep(UInt32(seed.next() % 1_500)) }
      } while diary.order == .play && !diary.isFull && !seed.oneIn(isShort ? 8 : 4_000)
    }
  }

  private mutating func waitStrategy() -> WaitStrategy {
    [.balanced, .sleep, WaitStrategy(spinNanoseconds: 200_000)][Int(seed.next() % 3)]
  }

  private mutating func step(_ publisher: borrowing Publisher) throws {
    switch seed.next() % 10 {
    case 0...3: try copy(publisher)
    case 4: try loans(publisher)
    case 5, 6: try batch(publisher)
    case 7: try dropped(publisher)
    case 8: try nested(depth: Int(seed.next() % 5), publisher)
    default: try mixed(publisher)
    }
  }

  // ---------------------------------------------------------------------------------- what to send

  /// A message that it means to send, and its entry in the diary.
  struct Draft {
    let entry: Int
    let partition: Int
    let payload: [UInt8]
    let key: [UInt8]?
    /// Bytes that are lent beyond the payload, and given back.
    let spare: Int
  }

  /// Mostly small, sometimes any size, at times exactly a boundary. Restless players say who they are in
  /// every message, because they may not live to say where it went.
  mutating func length(most: Int? = nil) -> Int {
    let slot = configuration.slotSize
    let largest = configuration.largestMessage
    var length: Int
    switch seed.next() % 10 {
    case 0: length = 0
    case 1: length = [slot - 1, slot, slot + 1, largest - 1, largest][Int(seed.next() % 5)]
    case 2, 3: length = Int.random(in: 0...largest, using: &seed)
    default: length = Int.random(in: 1...(slot * 2), using: &seed)
    }
    length = min(length, most ?? largest)
    return isRestless ? max(8, length) : length
  }

  func span(_ byteCount: Int) -> UInt64 {
    UInt64(max(1, (byteCount + configuration.slotSize - 1) / configuration.slotSize))
  }

  private mutating func partition() -> Int { Int(seed.next() % UInt64(configuration.partitions)) }

  /// Some messages have keys; those of a batch go where the batch goes.
  mutating func draft(
    _ length: Int, spare: Int = 0,
    of batch: (place: Int, partition: Int, began: UInt64)? = nil, _ publisher: borrowing Publisher
  ) -> Draft {
    let room = configuration.largestMessage - length - spare
    let keyLength = seed.oneIn(3) ? Int(seed.next() % 24) : nil
    let key = keyLength.map { Pattern.key(id, number, count: min($0, max(0, room))) }
    let chosen =
      batch?.partition ?? (key.map { unsafe publisher.partition(forKey: $0.span.bytes) })
      ?? self.partition()
    let word = SentWord(
      span: span(length + spare + (key?.count ?? 0)), place: batch?.place ?? 0,
      keyLength: key?.count)
    let entry = diary.write(
      Entry(
        .sent, partition: chosen, publisher: id, number: number, length: length, extra: word.raw,
        time: batch?.began ?? monotonicNanoseconds()))
    defer { number += 1 }
    return Draft(
      entry: entry, partition: chosen, payload: Pattern.bytes(id, number, count: length), key: key,
      spare: spare)
  }

  /// Now and then it will not wait for room.
  mutating func timeout() -> Duration? {
    isRestless && seed.oneIn(16) ? .microseconds(Int64(seed.next() % 2_000)) : nil
  }

  /// Sits on an open claim for a while.
  mutating func nap(_ publisher: borrowing Publisher) {
    guard isRestless, seed.oneIn(24) else { return }
    let limit = configuration.claimTimeout / .milliseconds(1) * 1_000
    let isLong = seed.oneIn(32)
    let length = isLong ? limit * 2 : Double(seed.next() % 2_000)
    if isLong, seed.oneIn(2) {
      for _ in 0..<8 {
        _ = usleep(UInt32(limit / 4))
        publisher.keepAlive()
      }
    } else {
      _ = usleep(UInt32(length))
    }
  }

  // -------------------------------------------------------------------------------- how it came out

  /// Writes down why nothing was published; throws what no publisher should meet.
  func settle(_ entry: Int, _ error: PublishError, mayBeRefused: Bool) throws {
    switch error {
    case .fenced: diary.settle(entry, .fenced)
    case .full where mayBeRefused, .heldByOwnLoans where mayBeRefused:
      diary.settle(entry, .refused)
    case .full, .heldByOwnLoans, .tooLarge, .removed, .exhausted, .noSuchPartition, .truncated,
      .forked, .storage:
      throw error
    }
  }
}

import Glibc
import Synchronization

/// What one actor meant to do and did, in memory that outlives it: whatever stands in it when its writer
/// is killed was written before.
///
/// One process writes entries; another gives orders, and reads the entries when the writer is gone.
///
/// ```
///   word 0   entries written        word 1   order         word 2   stage        word 3...7   unused
///   8 + 5n   entry n: { kind:8, verdict:8, partition:16, length:32 }, name, offset, time, extra
/// ```
@safe
package final class Diary: @unchecked Sendable {
  /// How many entries it has room for.
  package let capacity: Int
  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let byteCount: Int

  private static let headerWords = 8
  private static let entryWords = 5
  /// Whoever sees ``isFull`` can still write down what it is about to finish.
  private static let reserve = 512

  /// What the writer is asked to do.
  package enum Order: UInt64, Sendable {
    /// Go on.
    case play
    /// End as soon as nothing is half done.
    case leave
    /// Readers: end when everything has been read.
    case drain
  }

  /// In the memory of this process only.
  package convenience init(entries: Int) {
    self.init(mapping: -1, flags: MAP_SHARED | MAP_ANONYMOUS, entries: entries)
  }

  /// In a file: a new one for `entries`, or one that exists.
  package convenience init(path: String, entries: Int? = nil) throws {
    let file = unsafe open(path, entries == nil ? O_RDWR : O_RDWR | O_CREAT | O_EXCL, 0o600)
    guard file >= 0 else { throw Actor.Failure("diary \(path): errno \(errno)") }
    defer { close(file) }
    if let entries { ftruncate(file, Self.byteCount(entries)) }
    let size = lseek(file, 0, SEEK_END)
    let count = (size / 8 - Self.headerWords) / Self.entryWords
    guard count > 0 else { throw Actor.Failure("diary \(path) is empty") }
    self.init(mapping: file, flags: MAP_SHARED, entries: count)
  }

  private init(mapping file: Int32, flags: Int32, entries: Int) {
    capacity = entries
    byteCount = Self.byteCount(entries)
    let base = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, file, 0)
    precondition(unsafe base != MAP_FAILED, "a diary cannot be mapped: errno \(errno)")
    unsafe words = base!.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  deinit { unsafe munmap(words, byteCount) }

  private static func byteCount(_ entries: Int) -> Int {
    (headerWords + entries * entryWords) * 8
  }

  private func load(_ word: Int) -> UInt64 { unsafe words[word].load(ordering: .acquiring) }
  private func store(_ word: Int, _ value: UInt64) {
    unsafe words[word].store(value, ordering: .releasing)
  }

  /// How many entries there are.
  package var count: Int { min(capacity, Int(load(0))) }

  /// Whether its writer should come to an end.
  package var isFull: Bool { count + Self.reserve >= capacity }

  /// Whether its writer is in the middle of publishing something.
  package var isMidway: Bool {
    let number = count - 1
    guard number >= 0 else { return false }
    let entry = self[number]
    return entry.kind == .sent && entry.verdict == .unknown
  }

  /// How many loans its writer holds open, as far as the last entries tell.
  package var openLoans: Int {
    (max(0, count - 12)..<count).count { number in
      let entry = self[number]
      return entry.kind == .sent && entry.verdict == .unknown && entry.offset != Entry.nowhere
    }
  }

  /// What its writer is asked to do.
  package var order: Order {
    get { Order(rawValue: load(1)) ?? .leave }
    set { store(1, newValue.rawValue) }
  }

  /// Whether its writer has attached to the bus.
  package var hasJoined: Bool { load(2) != 0 }

  /// Says that the writer has attached.
  package func join() { store(2, 1) }

  /// Writes an entry, last of all that there is one; returns its number.
  @discardableResult
  package func write(_ entry: Entry) -> Int {
    let number = count
    precondition(number < capacity, "the diary is full")
    let place = Self.headerWords + number * Self.entryWords
    for (index, word) in entry.words.enumerated() { store(place + index, word) }
    store(0, UInt64(number + 1))
    return number
  }

  /// The claim of an entry has been won here.
  package func place(_ number: Int, at offset: UInt64) {
    store(Self.headerWords + number * Self.entryWords + 2, offset)
  }

  /// How an entry came out; where, if that was not known before.
  package func settle(_ number: Int, _ verdict: Entry.Verdict, at offset: UInt64? = nil) {
    if let offset { place(number, at: offset) }
    let place = Self.headerWords + number * Self.entryWords
    store(place, load(place) & ~0xff00 | verdict.rawValue << 8)
  }

  /// The entries, in the order in which they were begun.
  package var entries: [Entry] {
    (0..<count).map { self[$0] }
  }

  private subscript(number: Int) -> Entry {
    let place = Self.headerWords + number * Self.entryWords
    return Entry(
      words: [load(place), load(place + 1), load(place + 2), load(place + 3), load(place + 4)])
  }
}

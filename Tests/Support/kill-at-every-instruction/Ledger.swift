import ShmBus
import TestSupport

/// Who publishes what: the numbers that ``Pattern`` puts into payloads.
enum Name {
  /// Published before anything is killed.
  static let early = 1
  static let victim = 2
  /// Whoever goes on with the bus afterwards.
  static let survivor = 3
  /// The publisher that was killed before the one that recovers it.
  static let dead = 4
  /// The publisher at the full ring.
  static let blocked = 5
}

/// Everything one reader was given, checked as it comes.
struct Ledger {
  private(set) var offsets: [Int: [Int: Offset]] = [:]
  private var last: [Int: Int] = [:]
  private var end: Offset = 0
  private(set) var first: Offset?
  /// The last message's length.
  private(set) var lastBytes = 0

  /// Takes down one message: whole, behind the last one, and the next of its publisher.
  mutating func note(_ message: borrowing Message) throws {
    let offset = message.offset
    guard let (publisher, number) = Pattern.name(of: message.bytes),
      (Name.early...Name.blocked).contains(publisher), Pattern.isWhole(message.bytes)
    else { throw Violation("torn: \(message.bytes.byteCount) bytes at offset \(offset)") }
    guard offset >= end else { throw Violation("offset \(offset) again, behind \(end)") }
    if let before = last[publisher], publisher != Name.victim, number != before + 1 {
      throw Violation("lost or twice: message \(number) of \(publisher) after \(before)")
    }
    if let before = last[publisher], number <= before {
      throw Violation("out of order: message \(number) of \(publisher) after \(before)")
    }
    last[publisher] = number
    offsets[publisher, default: [:]][number] = offset
    if first == nil { first = offset }
    end = offset + 1
    lastBytes = message.bytes.byteCount
  }

  /// All that lies ready.
  mutating func readReady(_ reader: inout Subscriber) throws {
    while let message = try reader.next(timeout: .zero) { try note(message) }
  }

  /// The highest number of a publisher; -1 for none.
  func highest(of publisher: Int) -> Int { last[publisher] ?? -1 }

  /// What was read of the victim, as words: "number@offset".
  var victims: String {
    offsets[Name.victim, default: [:]].sorted { $0.key < $1.key }
      .map { "\($0.key)@\($0.value)" }.joined(separator: ",")
  }
}

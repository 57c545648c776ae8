import ShmBus
import TestSupport
import Testing

/// One message as its publisher remembers it.
struct Sent: Sendable, Equatable {
  let publisher: Int
  let number: Int
  let offset: Offset
  let length: Int
  let span: UInt64
}

/// One message as a reader saw it.
struct Seen: Sendable, Equatable {
  let offset: Offset
  let length: Int
  let digest: UInt64

  init(_ message: borrowing Message) {
    offset = message.offset
    length = message.bytes.byteCount
    digest = Pattern.digest(message.bytes)
  }

  init(offset: Offset, length: Int, digest: UInt64) {
    self.offset = offset
    self.length = length
    self.digest = digest
  }
}

/// Offsets from ... to, to excluded.
struct Stretch: Sendable, Equatable {
  let from: Offset
  let to: Offset
}

/// Everything the publishers of one partition did.
struct Ledger: Sendable {
  var sent: [Sent] = []
  var padding: [Stretch] = []
  var failures: [String] = []
}

/// Everything one reader saw.
struct Reading: Sendable {
  var seen: [Seen] = []
  var gaps: [Stretch] = []
  var failures: [String] = []
}

extension Ledger {
  /// The ring holds what the publishers say and nothing else: messages and padding cover every offset once.
  func covers(upTo cursor: Offset) -> String? {
    var stretches = padding + sent.map { Stretch(from: $0.offset, to: $0.offset + $0.span) }
    stretches.sort { $0.from < $1.from }
    var position: Offset = 0
    for stretch in stretches {
      guard stretch.from == position else {
        return "claims overlap or leave a hole at \(position): \(stretch)"
      }
      position = stretch.to
    }
    return position == cursor ? nil : "claims end at \(position), the cursor is \(cursor)"
  }

  /// Why a reader did not see what was published, or nil: in order, none lost but in a gap, none twice, none
  /// torn, none that nobody sent.
  func differs(from reading: Reading, from start: Offset) -> String? {
    if let failure = reading.failures.first { return failure }
    let expected = Dictionary(uniqueKeysWithValues: sent.map { ($0.offset, $0) })
    var position = start
    for seen in reading.seen {
      guard seen.offset >= position else { return "\(seen.offset) came after \(position)" }
      guard let sent = expected[seen.offset] else { return "nobody published \(seen)" }
      let bytes = Pattern.bytes(sent.publisher, sent.number, count: sent.length)
      guard seen.length == sent.length, unsafe seen.digest == Pattern.digest(bytes.span.bytes)
      else { return "torn: \(seen), sent \(sent)" }
      position = seen.offset + sent.span
    }
    let given = Set(reading.seen.map(\.offset))
    for message in sent where message.offset >= start {
      let gaps = reading.gaps.count { $0.from <= message.offset && message.offset < $0.to }
      let count = gaps + (given.contains(message.offset) ? 1 : 0)
      if count != 1 { return "\(message) was accounted for \(count) times" }
    }
    return nil
  }

  /// The numbers of each publisher rise with its offsets.
  func isInOrder() -> Bool {
    var last: [Int: Int] = [:]
    for message in sent.sorted(by: { $0.offset < $1.offset }) {
      guard message.number > last[message.publisher] ?? -1 else { return false }
      last[message.publisher] = message.number
    }
    return true
  }
}

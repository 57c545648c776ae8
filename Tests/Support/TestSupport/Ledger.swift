import ShmBus

/// Offsets from ... to, to excluded.
package struct Stretch: Sendable, Equatable {
  package let from: Offset
  package let to: Offset

  package init(from: Offset, to: Offset) {
    self.from = from
    self.to = to
  }
}

/// Who sent a message, and which of its messages it was.
package struct MessageName: Sendable, Hashable {
  package let publisher: Int
  package let number: Int

  package init(publisher: Int, number: Int) {
    self.publisher = publisher
    self.number = number
  }
}

/// One message as its publisher wrote it down.
package struct Sent: Sendable {
  package var name: MessageName
  package var offset: Offset
  package var length: Int
  package var keyLength: Int?
  package var span: UInt64
  /// Its place in its batch; 0 for a message alone.
  package var place: Int
  package var verdict: Entry.Verdict
  /// When it was begun.
  package var began: UInt64
  /// Whether readers must be given it: its publish returned, or some reader was given it.
  package var isVisible: Bool

  package init(_ entry: Entry) {
    let word = SentWord(raw: entry.extra)
    name = MessageName(publisher: entry.publisher, number: entry.number)
    offset = entry.offset
    length = entry.length
    keyLength = word.keyLength
    span = word.span
    place = word.place
    verdict = entry.verdict
    began = entry.time
    isVisible = entry.verdict == .published
  }

  /// What a reader's digest of it must be.
  var digest: UInt64 {
    let payload = Pattern.bytes(name.publisher, name.number, count: length)
    let key = keyLength.map { Pattern.key(name.publisher, name.number, count: $0) }
    return unsafe Pattern.digest(payload.span.bytes, key: key?.span.bytes)
  }
}

/// What an entry of a message that was sent says beside its name, length and place.
package struct SentWord {
  package let raw: UInt64

  package init(raw: UInt64) { self.raw = raw }

  package init(span: UInt64, place: Int, keyLength: Int?) {
    raw = span | UInt64(place) << 16 | UInt64(keyLength.map { $0 + 1 } ?? 0) << 32
  }

  var span: UInt64 { raw & 0xffff }
  var place: Int { Int(raw >> 16 & 0xffff) }
  var keyLength: Int? { raw >> 32 == 0 ? nil : Int(raw >> 32) - 1 }
}

/// Everything the publishers of one partition did.
package struct Ledger: Sendable {
  package var sent: [Sent] = []
  /// Claims that were given up, and what batches left unfilled.
  package var padding: [Stretch] = []
  /// By offset, where it is known; by name, where a publisher did not live to say where.
  private(set) var byOffset: [Offset: Int] = [:]
  private(set) var byName: [MessageName: Int] = [:]

  package init() {}

  /// What these publishers wrote down about one partition.
  package init(of diaries: [Diary], partition: Int) {
    for diary in diaries {
      for entry in diary.entries where entry.partition == partition { add(entry) }
    }
    index()
  }

  /// Takes one entry of a publisher's diary.
  package mutating func add(_ entry: Entry) {
    switch entry.kind {
    case .sent: sent.append(Sent(entry))
    case .padding:
      padding.append(Stretch(from: entry.offset, to: entry.offset + entry.extra))
    case .joined, .seen, .gap, .left: break
    }
  }

  /// Must be called when everything is there that publishers said.
  package mutating func index() {
    for (place, message) in sent.enumerated() where message.verdict != .refused {
      if message.offset != Entry.nowhere { byOffset[message.offset] = place }
      if message.verdict == .unknown { byName[message.name] = place }
    }
    for place in sent.indices.dropFirst() where sent[place].verdict == .unknown {
      // Killed while it wrote down that its batch was published.
      let before = sent[place - 1]
      if before.isVisible, before.name.publisher == sent[place].name.publisher,
        sent[place].place == before.place + 1
      {
        appear(place, at: before.offset + before.span)
      }
    }
  }

  /// Takes from a reader where messages are whose publishers did not live to say; returns what cannot be.
  package mutating func resolve(_ reading: Reading) -> String? {
    for seen in reading.seen {
      if let place = byOffset[seen.offset] {
        let message = sent[place]
        guard message.verdict == .published || message.verdict == .unknown else {
          return "\(reading.reader) saw what was \(message.verdict): \(message)"
        }
        if let name = seen.name, name != message.name {
          return "\(reading.reader) saw \(seen) where \(message) was sent"
        }
        appear(place, at: seen.offset)
      } else if let name = seen.name, let place = byName[name] {
        guard sent[place].offset == Entry.nowhere else {
          return "\(reading.reader) saw \(seen), which is \(sent[place]), at another place"
        }
        appear(place, at: seen.offset)
      } else {
        return "\(reading.reader) saw \(seen), and nobody sent it"
      }
    }
    return nil
  }

  /// One message of a batch was seen: all of them must be, each behind the other.
  private mutating func appear(_ found: Int, at offset: Offset) {
    guard !sent[found].isVisible else { return }
    var first = found
    var offset = offset
    while sent[first].place > 0, first > 0, isMate(first - 1, of: found) {
      first -= 1
      offset -= sent[first].span
    }
    var place = first
    repeat {
      sent[place].isVisible = true
      sent[place].offset = offset
      byOffset[offset] = place
      offset += sent[place].span
      place += 1
    } while place < sent.count && sent[place].place > 0 && isMate(place, of: found)
  }
  /// Whether two messages whose publisher did not live to say belong to one batch.
  private func isMate(_ place: Int, of other: Int) -> Bool {
    sent[place].name.publisher == sent[other].name.publisher
      && sent[place].place - sent[other].place == place - other && sent[place].verdict == .unknown
  }
}

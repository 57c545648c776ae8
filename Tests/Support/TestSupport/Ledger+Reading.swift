import ShmBus

/// One message as a reader saw it.
package struct Seen: Sendable {
  package let offset: Offset
  package let length: Int
  package let digest: UInt64
  /// Whose it said it was; nil when it was too short to say.
  package let name: MessageName?

  package init(offset: Offset, length: Int, digest: UInt64, name: MessageName?) {
    self.offset = offset
    self.length = length
    self.digest = digest
    self.name = name
  }
}

/// What a reader may count on.
package enum Promise: UInt64, Sendable {
  /// Every message that was begun after it had joined; a gap tells which older ones are gone.
  case everything
  /// Every message, or a gap that tells which are gone.
  case gapsAreTold
}

/// Everything one reader saw of one partition between joining and leaving, or its death.
package struct Reading: Sendable {
  /// Who it was, for people.
  package var reader: String
  package var promise: Promise
  package var start: Offset
  /// When it had joined.
  package var joined: UInt64
  package var seen: [Seen] = []
  package var gaps: [Stretch] = []
  /// Up to where it had read when it left; nil if it did not live to say.
  package var end: Offset?
  /// Whether it left because everything had been read.
  package var isDrained = false

  package init(reader: String, promise: Promise, start: Offset, joined: UInt64) {
    self.reader = reader
    self.promise = promise
    self.start = start
    self.joined = joined
  }

  /// What a reader wrote down about one partition: a reading each time it joined.
  package static func all(of diary: Diary, reader: String, partition: Int) -> [Reading] {
    var readings: [Reading] = []
    for entry in diary.entries where entry.partition == partition {
      if entry.kind == .joined {
        readings.append(
          Reading(
            reader: "\(reader), stay \(readings.count)",
            promise: Promise(rawValue: entry.extra) ?? .everything, start: entry.offset,
            joined: entry.time))
      } else if !readings.isEmpty {
        readings[readings.count - 1].add(entry)
      }
    }
    return readings
  }

  mutating func add(_ entry: Entry) {
    switch entry.kind {
    case .seen:
      let name = MessageName(publisher: entry.publisher, number: entry.number)
      seen.append(
        Seen(
          offset: entry.offset, length: entry.length, digest: entry.extra,
          name: entry.length < 8 ? nil : name))
    case .gap: gaps.append(Stretch(from: entry.offset, to: entry.extra))
    case .left:
      end = entry.offset
      isDrained = entry.extra != 0
    case .joined, .sent, .padding: break
    }
  }
}

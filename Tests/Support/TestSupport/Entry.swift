/// One line of a ``Diary``.
package struct Entry: Sendable, Equatable {
  /// What it tells of.
  package enum Kind: UInt64, Sendable {
    /// A message that its publisher means to publish: name, length, `extra` = span and place in its batch.
    case sent = 1
    /// Slots of a batch that were not filled: `extra` = span.
    case padding
    /// A reader has attached and begins at `offset`.
    case joined
    /// A message was handed to a reader: name, length, `extra` = digest.
    case seen
    /// A reader was told that `offset` ..< `extra` is gone.
    case gap
    /// A reader has left at `offset`; `extra` = 1 if it had been told to drain.
    case left
  }

  /// How a publish came out.
  package enum Verdict: UInt64, Sendable {
    /// Nobody lived to say.
    case unknown
    /// It returned: the message must be delivered.
    case published
    /// The bus went on without the claim: nobody may see the message.
    case fenced
    /// Nothing was claimed: nobody may see the message.
    case refused
    /// Given up: nobody may see the message.
    case dropped
  }

  /// An offset that is not known.
  package static let nowhere = UInt64.max

  package var kind: Kind
  package var verdict: Verdict
  package var partition: Int
  package var length: Int
  package var publisher: Int
  package var number: Int
  package var offset: UInt64
  package var time: UInt64
  package var extra: UInt64

  /// An entry of now, or of another time.
  package init(
    _ kind: Kind, partition: Int, offset: UInt64 = nowhere, publisher: Int = 0, number: Int = 0,
    length: Int = 0, extra: UInt64 = 0, verdict: Verdict = .unknown,
    time: UInt64 = monotonicNanoseconds()
  ) {
    self.kind = kind
    self.verdict = verdict
    self.partition = partition
    self.length = length
    self.publisher = publisher
    self.number = number
    self.offset = offset
    self.extra = extra
    self.time = time
  }

  init(words: [UInt64]) {
    kind = Kind(rawValue: words[0] & 0xff) ?? .left
    verdict = Verdict(rawValue: words[0] >> 8 & 0xff) ?? .unknown
    partition = Int(words[0] >> 16 & 0xffff)
    length = Int(words[0] >> 32)
    publisher = Int(words[1] >> 48)
    number = Int(words[1] & 0xffff_ffff_ffff)
    offset = words[2]
    time = words[3]
    extra = words[4]
  }

  var words: [UInt64] {
    [
      kind.rawValue | verdict.rawValue << 8 | UInt64(partition) << 16 | UInt64(length) << 32,
      UInt64(publisher) << 48 | UInt64(number), offset, time, extra,
    ]
  }
}

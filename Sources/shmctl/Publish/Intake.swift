import ShmBus
import ToolSupport

/// What a record means.
enum RecordMeaning: Sendable {
  /// The record is the payload.
  case payload
  /// The key is what stands before the first of this byte; a record without one has no key.
  case keyed(separator: UInt8)
  /// A JSON object as `subscribe --format json` prints it.
  case json
  /// A frame: see ``Frame``.
  case frame
}

/// The work of `publish`: reads records and feeds them to a publisher, whatever they look like.
struct Intake: ~Copyable {
  private var input: InputBuffer
  private var feed: Feed
  private let cutter: Cutter
  private let meaning: RecordMeaning
  private let largestMessage: Int
  private var seen = SeenOrigins()
  private var records = 0

  init(
    _ input: consuming InputBuffer, into feed: consuming Feed, cutter: Cutter,
    meaning: RecordMeaning, largestMessage: Int
  ) {
    self.input = input
    self.feed = feed
    self.cutter = cutter
    self.meaning = meaning
    self.largestMessage = largestMessage
  }

  /// What was done.
  var messages: Int { feed.messages }
  var duplicates: Int { seen.duplicates }

  /// Publishes all there is. Whatever has been read is published before more is waited for.
  mutating func run(_ progress: inout Progress) throws {
    defer { progress.finish(messages: feed.messages, bytes: feed.bytes, of: input.size) }
    // Ends: with the input.
    while true {
      try publishUnread()
      progress.show(messages: feed.messages, bytes: feed.bytes, of: input.size)
      if input.isAtEnd { return }
      try refill()
    }
  }

  /// Reads on until there is a record or the end: a long one is searched only once for its end.
  private mutating func refill() throws {
    var searched = 0
    repeat {
      searched = unsafe input.unread.count
      try input.fill()
      if input.isAtEnd { return }
      try refuseEndless()
    } while try unsafe cutter.first(in: input.unread, searched: searched, isAtEnd: false) == nil
  }

  private func refuseEndless() throws {
    let count = unsafe input.unread.count
    // JSON takes up to six bytes for one of the payload.
    let factor = if case .json = meaning { 8 } else { 1 }
    guard count / factor > largestMessage + (1 << 20) else { return }
    throw located(PublishError.tooLarge(byteCount: count, limit: largestMessage))
  }

  private mutating func publishUnread() throws {
    let bytes = unsafe input.unread
    var done = 0
    var batchStart = 0
    while let cut = try unsafe cutter.first(
      in: UnsafeRawBufferPointer(rebasing: bytes[done...]), searched: 0, isAtEnd: input.isAtEnd)
    {
      records += 1
      do {
        if case .payload = meaning {
          if !feed.collect(cut) {
            try unsafe feed.sendBatch(from: bytes.baseAddress.map { unsafe $0 + batchStart })
            batchStart = done
            if !feed.collect(cut) {
              try unsafe feed.send(span(bytes, done, cut), key: nil, to: nil)
              batchStart = done + cut.taken
            }
          }
        } else {
          try unsafe publish(span(bytes, done, cut))
        }
      } catch { throw located(error) }
      done += cut.taken
    }
    do {
      try unsafe feed.sendBatch(from: bytes.baseAddress.map { unsafe $0 + batchStart })
    } catch { throw located(error) }
    input.consume(done)
  }

  @_lifetime(immortal)
  private func span(
    _ bytes: UnsafeRawBufferPointer, _ done: Int, _ cut: Cutter.Cut
  ) -> RawSpan {
    let first = unsafe bytes.baseAddress.map { unsafe $0 + done + cut.start }
    let record = unsafe UnsafeRawBufferPointer(start: first, count: cut.count)
    let span = unsafe RawSpan(_unsafeBytes: record)
    return unsafe _overrideLifetime(span, copying: ())
  }

  private mutating func publish(_ record: RawSpan) throws {
    switch meaning {
    case .payload:
      try feed.send(record, key: nil, to: nil)
    case .keyed(let separator):
      guard let end = record.firstIndex(of: separator) else {
        return try feed.send(record, key: nil, to: nil)
      }
      try feed.send(
        record.extracting((end + 1)...), key: record.extracting(..<end), to: nil)
    case .json:
      guard let message = try JSONMessage(record) else { return }
      if let key = message.key {
        try unsafe feed.send(
          message.payload.span.bytes, key: key.span.bytes, to: message.partition)
      } else {
        try unsafe feed.send(message.payload.span.bytes, key: nil, to: message.partition)
      }
    case .frame:
      let frame = try Frame(record)
      guard seen.isNew(frame) else { return }
      let place = frame.place(among: feed.partitions)
      try feed.send(frame.payload(in: record), key: frame.key(in: record), to: place)
    }
  }

  /// An error, with the record it is about. What has been published before stays published.
  private func located(_ error: any Error) -> any Error {
    switch error {
    case let error as PublishError:
      let failure = Failure(error)
      guard failure.code == Failure.Code.damagedData.rawValue else { return error }
      return Failure(.damagedData, "record \(Numbers.grouped(records)): \(failure.sentence)")
    case let failure as Failure where failure.code == Failure.Code.damagedData.rawValue:
      return Failure(.damagedData, "record \(Numbers.grouped(records)): \(failure.sentence)")
    default:
      return error
    }
  }
}

extension RawSpan {
  /// Where a byte occurs first.
  func firstIndex(of wanted: UInt8) -> Int? {
    for index in 0..<byteCount
    where unsafe unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self) == wanted {
      return index
    }
    return nil
  }
}

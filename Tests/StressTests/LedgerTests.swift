import TestSupport
import Testing

/// The accountant must find what is wrong: ledgers made by hand, each with one lie.
@Suite struct LedgerTests {
  /// What a publisher writes down, and what a reader of all of it does.
  private struct Books {
    var sent: [Entry] = []
    var read: [Entry] = []
    var cursor: UInt64 = 0

    /// Twelve messages of one slot each: ten alone, two in a batch, all published and all read.
    init() {
      read.append(Entry(.joined, partition: 0, offset: 0, extra: Promise.everything.rawValue))
      for number in 0..<12 { add(number, place: number == 11 ? 1 : 0) }
      read.append(Entry(.left, partition: 0, offset: cursor, extra: 1))
    }

    private mutating func add(_ number: Int, place: Int) {
      let (offset, length) = (cursor, 8 + number)
      let word = SentWord(span: 1, place: place, keyLength: number % 3 == 0 ? 5 : nil)
      sent.append(
        Entry(
          .sent, partition: 0, offset: offset, publisher: 7, number: number, length: length,
          extra: word.raw, verdict: .published))
      let payload = Pattern.bytes(7, number, count: length)
      let key = number % 3 == 0 ? Pattern.key(7, number, count: 5) : nil
      read.append(
        Entry(
          .seen, partition: 0, offset: offset, publisher: 7, number: number, length: length,
          extra: unsafe Pattern.digest(payload.span.bytes, key: key?.span.bytes)))
      cursor += 1
    }

    /// What the account says of them; nil when all is well.
    func fault() -> String? {
      let (writer, reader) = (Diary(entries: 1_000), Diary(entries: 1_000))
      for entry in sent { writer.write(entry) }
      for entry in read { reader.write(entry) }
      var ledger = Ledger(of: [writer], partition: 0)
      let readings = Reading.all(of: reader, reader: "reader", partition: 0)
      return ledger.fault(in: readings, cursor: cursor)
    }
  }

  /// Says what must be found after one change.
  private func expect(_ finding: String, _ change: (inout Books) -> Void) {
    var books = Books()
    change(&books)
    let fault = books.fault()
    #expect(fault?.contains(finding) == true, "'\(fault ?? "nothing")' instead of '\(finding)'")
  }

  @Test func trueBooksAreInOrder() {
    #expect(Books().fault() == nil)
    // Who was killed did not live to say: the message may be there or not.
    var books = Books()
    books.sent[11].verdict = .unknown
    books.sent[11].offset = Entry.nowhere
    #expect(books.fault() == nil)
    books.sent[10].verdict = .unknown
    books.sent[10].offset = Entry.nowhere
    books.read.removeSubrange(11...12)
    #expect(books.fault() == nil)
  }

  @Test func readersThatMissOrRepeat() {
    expect("was never given") { $0.read.remove(at: 4) }
    expect("was never given") { $0.read.remove(at: 1) }
    expect("was never given") { $0.read.remove(at: 12) }
    expect("was given") { $0.read.insert($0.read[4], at: 5) }
    expect("was given") { $0.read.swapAt(4, 5) }
    expect("has read all, up to") { $0.read[13].offset -= 1 }
    expect("came to") { $0.read[13].offset += 1 }
  }

  @Test func bytesThatAreNotWhatWasSent() {
    expect("torn") { $0.read[4].extra ^= 1 }
    expect("torn") { $0.read[4].length += 1 }
    expect("where") { $0.read[4].number += 1 }
    expect("nobody sent") {
      $0.read.insert($0.read[4], at: 13)
      $0.read[13].offset = 100
    }
  }

  @Test func whatWasNotPublished() {
    for verdict in [Entry.Verdict.fenced, .dropped] {
      expect("saw what was") { $0.sent[3].verdict = verdict }
    }
    expect("nobody sent") { $0.sent[3].verdict = .refused }
    expect("nobody sent") { $0.sent.remove(at: 3) }
  }

  @Test func claimsAndOrder() {
    expect("overlap") { $0.sent[3].extra += 1 }
    expect("overlap") { $0.sent.append(Entry(.padding, partition: 0, offset: 3, extra: 1)) }
    expect("the cursor is") { $0.cursor -= 1 }
    expect("out of order") {
      $0.sent[3].publisher = 8
      $0.sent[3].number = 9
      $0.sent[8].publisher = 8
      $0.sent[8].number = 8
      $0.read.removeAll { $0.kind == .seen }
    }
  }

  @Test func gapsThatAreNotTrue() {
    expect("joined before, and lost") {
      $0.read[4] = Entry(.gap, partition: 0, offset: 3, extra: 4)
    }
    let told = { (books: inout Books) in books.read[0].extra = Promise.gapsAreTold.rawValue }
    expect("was given Seen") {
      told(&$0)
      $0.read.insert(Entry(.gap, partition: 0, offset: 3, extra: 4), at: 4)
    }
    expect("was never given") {
      told(&$0)
      $0.read.removeSubrange(4...5)
      $0.read.insert(Entry(.gap, partition: 0, offset: 3, extra: 4), at: 4)
    }
    expect("was told of") {
      told(&$0)
      $0.read[4] = Entry(.gap, partition: 0, offset: 3, extra: 3)
    }
    expect("ends inside") {
      told(&$0)
      $0.sent.remove(at: 4)
      $0.read.remove(at: 5)
      $0.sent[3].extra += 1
      $0.read[4] = Entry(.gap, partition: 0, offset: 3, extra: 4)
    }
    expect("came to") {
      told(&$0)
      $0.read[12] = Entry(.gap, partition: 0, offset: 11, extra: 20)
      $0.read.removeLast()
    }
    var books = Books()
    told(&books)
    books.read[4] = Entry(.gap, partition: 0, offset: 3, extra: 4)
    #expect(books.fault() == nil)
  }

  @Test func batchesThatAreHalfThere() {
    // Seen by one reader, the first of them: the second must be there too.
    expect("was never given") {
      for place in [10, 11] {
        $0.sent[place].verdict = .unknown
        $0.sent[place].offset = Entry.nowhere
      }
      $0.read.remove(at: 12)
    }
    expect("was never given") {
      for place in [10, 11] {
        $0.sent[place].verdict = .unknown
        $0.sent[place].offset = Entry.nowhere
      }
      $0.read.remove(at: 11)
    }
    // Killed while it wrote down that its batch was published.
    expect("was never given") {
      $0.sent[11].verdict = .unknown
      $0.sent[11].offset = Entry.nowhere
      $0.read.remove(at: 12)
    }
  }

  @Test func readersThatBeginTooLate() {
    expect("joined before, and starts behind") {
      $0.read[0].offset = 5
      $0.read.removeSubrange(1...5)
    }
  }
}

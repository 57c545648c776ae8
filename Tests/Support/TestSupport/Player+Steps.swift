import ShmBus

// What a player does with a publisher.

extension Player {
  mutating func copy(_ publisher: borrowing Publisher) throws {
    let length = length()
    try copy(draft(length, publisher), timeout: timeout(), publisher)
  }

  private func copy(
    _ draft: Draft, timeout: Duration?, _ publisher: borrowing Publisher
  ) throws {
    do throws(PublishError) {
      let payload = draft.payload.span
      let offset =
        if let key = draft.key {
          try unsafe publisher.publish(
            payload.bytes, key: key.span.bytes, partition: draft.partition, timeout: timeout)
        } else {
          try unsafe publisher.publish(
            payload.bytes, partition: draft.partition, timeout: timeout)
        }
      diary.settle(draft.entry, .published, at: offset)
    } catch { try settle(draft.entry, error, mayBeRefused: timeout != nil) }
  }

  /// A loan for a draft, filled; nil when there is no room for it now.
  @_lifetime(borrow publisher)
  private mutating func lend(
    _ draft: Draft, timeout: Duration?, _ publisher: borrowing Publisher
  ) throws -> Loan? {
    do throws(PublishError) {
      var loan =
        if let key = draft.key {
          try unsafe publisher.loan(
            byteCount: draft.payload.count + draft.spare, key: key.span.bytes,
            partition: draft.partition,
            timeout: timeout)
        } else {
          try publisher.loan(
            byteCount: draft.payload.count + draft.spare, partition: draft.partition,
            timeout: timeout)
        }
      diary.place(draft.entry, at: loan.offset)
      loan.fill(draft.payload)
      if draft.spare > 0 { loan.truncate(to: draft.payload.count) }
      nap(publisher)
      return loan
    } catch { try settle(draft.entry, error, mayBeRefused: timeout != nil) }
    return nil
  }

  private func publish(_ draft: Draft, _ loan: consuming Loan) throws {
    do throws(PublishError) {
      try loan.publish()
      diary.settle(draft.entry, .published)
    } catch { try settle(draft.entry, error, mayBeRefused: false) }
  }

  private func drop(_ draft: Draft, _ loan: consuming Loan) {
    _ = consume loan
    diary.settle(draft.entry, .dropped)
  }

  mutating func dropped(_ publisher: borrowing Publisher) throws {
    let length = length()
    let draft = draft(length, publisher)
    if let loan = try lend(draft, timeout: timeout(), publisher) { drop(draft, loan) }
  }

  /// Two open loans, either order, either of them given up. A second that own loans leave no room for is
  /// left out.
  mutating func loans(_ publisher: borrowing Publisher) throws {
    let lengths = (length(), length())
    let first = draft(lengths.0, publisher)
    guard let one = try lend(first, timeout: timeout(), publisher) else { return }
    let second = draft(lengths.1, publisher)
    // No room for a second, or only own loans in the way: then there is one.
    guard let two = try lend(second, timeout: .milliseconds(1), publisher) else {
      return try publish(first, one)
    }
    switch seed.next() % 4 {
    case 0:
      try publish(first, one)
      try publish(second, two)
    case 1:
      try publish(second, two)
      try publish(first, one)
    case 2:
      try publish(second, two)
      drop(first, one)
    default:
      drop(second, two)
      try publish(first, one)
    }
  }

  /// Loans within loans, some given up, some longer than what is published.
  mutating func nested(depth: Int, isFirst: Bool = true, _ publisher: borrowing Publisher) throws {
    let length = length()
    let spare = min(configuration.largestMessage - length, Int(seed.next() % 200))
    let draft = draft(length, spare: spare, publisher)
    guard let loan = try lend(draft, timeout: isFirst ? timeout() : .milliseconds(1), publisher)
    else { return }
    if depth > 0 { try nested(depth: depth - 1, isFirst: false, publisher) }
    if seed.oneIn(4) { drop(draft, loan) } else { try publish(draft, loan) }
  }

  /// A copy while a loan is open.
  mutating func mixed(_ publisher: borrowing Publisher) throws {
    let lengths = (
      length(most: configuration.slotSize), length(most: configuration.slotSize)
    )
    let first = draft(lengths.0, publisher)
    guard let loan = try lend(first, timeout: timeout(), publisher) else { return }
    let second = draft(lengths.1, publisher)
    try copy(second, timeout: .milliseconds(1), publisher)
    try publish(first, loan)
  }

  mutating func batch(_ publisher: borrowing Publisher) throws {
    let slots = Int.random(in: 1...min(12, configuration.slots / 4), using: &seed)
    let partition = Int.random(in: 0..<configuration.partitions, using: &seed)
    let timeout = timeout()
    let began = monotonicNanoseconds()
    do throws(PublishError) {
      let batch = try publisher.batch(slots: slots, partition: partition, timeout: timeout)
      try fill(batch, partition, began, publisher)
    } catch {
      // Its messages are settled: what is left is a batch that was never begun.
      switch error {
      case .fenced: break
      case .full where timeout != nil: break
      default: throw error
      }
    }
  }

  private mutating func fill(
    _ given: consuming Batch, _ partition: Int, _ began: UInt64, _ publisher: borrowing Publisher
  ) throws(PublishError) {
    var batch = given
    let isDropped = seed.oneIn(4)
    let (start, claimed) = (batch.offset, UInt64(batch.slotsLeft))
    var drafts: [Draft] = []
    while !seed.oneIn(6) {
      let length = length(most: configuration.slotSize * 2)
      let draft = draft(length, of: (drafts.count, partition, began), publisher)
      let payload = draft.payload.span
      let isIn =
        if let key = draft.key {
          unsafe batch.append(payload.bytes, key: key.span.bytes)
        } else {
          unsafe batch.append(payload.bytes)
        }
      guard isIn else {
        diary.settle(draft.entry, .refused)
        break
      }
      drafts.append(draft)
    }
    nap(publisher)
    let left = UInt64(batch.slotsLeft)
    let pad = { [diary] (from: UInt64, span: UInt64) in
      if span > 0 {
        diary.write(Entry(.padding, partition: partition, offset: from, extra: span))
      }
    }
    if isDropped || drafts.isEmpty {
      if isDropped { _ = consume batch } else { _ = try batch.publish() }
      for draft in drafts { diary.settle(draft.entry, .refused) }
      pad(start, claimed)
      return
    }
    let verdict: Entry.Verdict
    do throws(PublishError) {
      _ = try batch.publish()
      verdict = .published
    } catch {
      for draft in drafts { diary.settle(draft.entry, .refused) }
      pad(start, claimed)
      throw error
    }
    var offset = start
    for draft in drafts {
      diary.settle(draft.entry, verdict, at: offset)
      offset += span(draft.payload.count + (draft.key?.count ?? 0))
    }
    pad(offset, left)
  }
}

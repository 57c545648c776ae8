/// The open claim somebody waits for, and since when nothing was heard of its owner: measured by
/// the waiter's own clock, so that no clock of the suspect's needs to be believed.
struct Suspect {
  private var offset: Offset = .max
  private var publisher = -1
  private var heartbeat: UInt64 = 0
  private var since: UInt64 = 0

  /// Watches a claim of a living publisher; takes it out of use when its owner has been silent for
  /// `patience` nanoseconds. True if the claim is void now.
  mutating func watch(
    _ offset: Offset, span: UInt64, publisher: Int, _ quarantine: Quarantine, taker: UInt64,
    patience: UInt64
  ) -> Bool {
    let words = quarantine.map.endpoint(publisher)
    let incarnation = words.incarnation.loadAcquire()
    let heartbeat = words.heartbeat.loadRelaxed()
    let now = Clock.monotonic()
    if offset != self.offset || publisher != self.publisher || heartbeat != self.heartbeat {
      self = Suspect(offset: offset, publisher: publisher, heartbeat: heartbeat, since: now)
      return false
    }
    guard now &- since >= patience, incarnation & 1 == 1 else { return false }
    return quarantine.take(
      offset, span: span, publisher: publisher, incarnation: incarnation, taker: taker)
  }

  init() {}

  private init(offset: Offset, publisher: Int, heartbeat: UInt64, since: UInt64) {
    self.offset = offset
    self.publisher = publisher
    self.heartbeat = heartbeat
    self.since = since
  }
}

/// The open claim somebody waits for, and since when nothing was heard of its owner: measured by
/// the waiter's own clock, so that no clock of the suspect's needs to be believed.
struct Suspect {
  private var partition = -1
  private var offset: Offset = .max
  private var publisher = -1
  private var heartbeat: UInt64 = 0
  private var since: UInt64 = 0
  /// When a claim of it was taken out of use.
  private var convicted: UInt64?

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
    // The next claim of an owner that is still silent has been waited for as well.
    let goesOn = convicted.map { now &- $0 < patience } ?? false
    let isSameClaim = offset == self.offset && quarantine.partition == partition
    if publisher != self.publisher || heartbeat != self.heartbeat || !(isSameClaim || goesOn) {
      self = Suspect(quarantine.partition, offset, publisher, heartbeat, since: now)
      return false
    }
    self.partition = quarantine.partition
    self.offset = offset
    guard now &- since >= patience, incarnation & 1 == 1 else { return false }
    let isVoid = quarantine.take(
      offset, span: span, publisher: publisher, incarnation: incarnation, taker: taker)
    if isVoid { convicted = now }
    return isVoid
  }

  init() {}

  private init(
    _ partition: Int, _ offset: Offset, _ publisher: Int, _ heartbeat: UInt64, since: UInt64
  ) {
    self.partition = partition
    self.offset = offset
    self.publisher = publisher
    self.heartbeat = heartbeat
    self.since = since
  }
}

import CShmBus

/// The control segment's words, found by their place. Valid while the mapping is.
@safe @usableFromInline
struct ControlMap {
  @usableFromInline let base: UnsafeMutableRawPointer
  let layout: ControlLayout

  init(_ base: UnsafeMutableRawPointer, _ layout: ControlLayout) {
    unsafe self.base = base
    self.layout = layout
  }

  /// The header as plain memory: constant once the bus is ready.
  var header: UnsafeMutablePointer<shmbus_control_header> {
    unsafe base.assumingMemoryBound(to: shmbus_control_header.self)
  }

  // Offsets as drawn at `shmbus_control_header`.
  var state: SharedWord { unsafe SharedWord(base, at: 24) }
  var partitionCount: SharedWord { unsafe SharedWord(base, at: 184) }
  var publisherRows: SharedWord { unsafe SharedWord(base, at: 432) }
  var subscriberRows: SharedWord { unsafe SharedWord(base, at: 440) }
  var groupRows: SharedWord { unsafe SharedWord(base, at: 448) }
  var admissions: SharedWord { unsafe SharedWord(base, at: 456) }
  var keeperPid: SharedWord { unsafe SharedWord(base, at: 392) }
  var checkpointTime: SharedWord { unsafe SharedWord(base, at: 400) }
  var checkpointNumber: SharedWord { unsafe SharedWord(base, at: 408) }
  /// An `errno` value; 0 = the last checkpoint is good.
  var checkpointError: SharedWord { unsafe SharedWord(base, at: 416) }
  var checkpointEvery: SharedWord { unsafe SharedWord(base, at: 424) }
  /// When the housekeeper was called for, and its futex.
  var keeperBell: SharedWord { unsafe SharedWord(base, at: 464) }
  var keeperBellAddress: UnsafeRawPointer { unsafe UnsafeRawPointer(base + 464) }
  var checkpointWanted: SharedWord { unsafe SharedWord(base, at: 472) }
  var checkpointDone: SharedWord { unsafe SharedWord(base, at: 480) }

  /// Whether the partitions are files, each with a ceiling of its own (`StoredRing`).
  var isStored: Bool { unsafe header.pointee.storage_bytes != 0 }

  /// How many partitions there are: at least the one that every bus has, and as many as there is room
  /// for, whatever the word says.
  var partitions: Int {
    Int(max(1, min(partitionCount.loadAcquire(), UInt64(layout.maxPartitions))))
  }

  // Rows that were ever used, likewise; a row is counted before it is in use (E2).
  var usedPublisherRows: Range<Int> { 0..<count(publisherRows, layout.maxPublishers) }
  var usedGroupRows: Range<Int> { 0..<count(groupRows, layout.maxGroups) }
  var usedSubscriberRows: Range<Int> {
    layout.maxPublishers..<(layout.maxPublishers + count(subscriberRows, layout.maxSubscribers))
  }

  private func count(_ word: SharedWord, _ most: Int) -> Int {
    Int(min(word.loadAcquire(), UInt64(most)))
  }

  func partition(_ partition: Int) -> PartitionRow {
    unsafe PartitionRow(
      base + layout.partitionTable + partition * MemoryLayout<shmbus_partition_row>.size)
  }

  func endpoint(_ row: Int) -> EndpointRow {
    unsafe EndpointRow(base + layout.endpointTable + row * MemoryLayout<shmbus_endpoint_row>.size)
  }

  /// The head of a group row, or of an ephemeral subscriber (`layout.maxGroups` + its place among subscribers).
  func head(_ headRow: Int, partition: Int) -> HeadRow {
    let size = MemoryLayout<shmbus_head>.size
    return unsafe HeadRow(
      base + layout.headTable + (partition * layout.headRows + headRow) * size)
  }

  /// One durable group.
  func group(_ row: Int) -> GroupRow {
    unsafe GroupRow(base + layout.groupTable + row * MemoryLayout<shmbus_group_row>.size)
  }

  /// A partition's quarantine table.
  func quarantineRow(_ row: Int, partition: Int) -> QuarantineRow {
    let size = MemoryLayout<shmbus_quarantine_row>.size
    return unsafe QuarantineRow(
      base + layout.quarantineTable + (partition * layout.quarantineRows + row) * size)
  }

  /// Where a subscriber's own heads are in the table of heads.
  func headRow(ofEndpoint row: Int) -> Int { layout.maxGroups + row - layout.maxPublishers }

  /// The subscriber row that a head beyond the groups' belongs to.
  func endpointRow(ofHead headRow: Int) -> Int {
    headRow - layout.maxGroups + layout.maxPublishers
  }

  /// Offsets as drawn at `shmbus_partition_row`.
  @safe @usableFromInline
  struct PartitionRow {
    let base: UnsafeMutableRawPointer
    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }
    var fields: UnsafeMutablePointer<shmbus_partition_row> {
      unsafe base.assumingMemoryBound(to: shmbus_partition_row.self)
    }
    var sleepers: SharedWord { unsafe SharedWord(base, at: 0) }
    /// Odd while some slots may be out of use.
    var quarantineStamp: SharedWord { unsafe SharedWord(base, at: 8) }
    var blocked: SharedWord { unsafe SharedWord(base, at: 64) }
    var origin: SharedWord { unsafe SharedWord(base, at: 136) }
    var ceiling: SharedWord { unsafe SharedWord(base, at: 144) }
    var start: SharedWord { unsafe SharedWord(base, at: 152) }
    var durable: SharedWord { unsafe SharedWord(base, at: 160) }
    /// The ceiling that both copies of the checkpoint have.
    var covered: SharedWord { unsafe SharedWord(base, at: 184) }
  }

  /// Offsets as drawn at `shmbus_endpoint_row`.
  @safe @usableFromInline
  struct EndpointRow {
    let base: UnsafeMutableRawPointer
    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }
    var fields: UnsafeMutablePointer<shmbus_endpoint_row> {
      unsafe base.assumingMemoryBound(to: shmbus_endpoint_row.self)
    }
    var incarnation: SharedWord { unsafe SharedWord(base, at: 0) }
    var membership: SharedWord { unsafe SharedWord(base, at: 32) }
    var semaphore: UnsafeMutableRawPointer { unsafe base + 64 }
    var asleep: SharedWord { unsafe SharedWord(base, at: 72) }
    var revoked: SharedWord { unsafe SharedWord(base, at: 80) }
    var heartbeat: SharedWord { unsafe SharedWord(base, at: 128) }
    var waiting: SharedWord { unsafe SharedWord(base, at: 136) }
    var delivered: SharedWord { unsafe SharedWord(base, at: 144) }
    var label: FixedName { unsafe FixedName(base + 192) }

    /// The NUMA node its owner is kept on. Written before the row is in use, and not again until
    /// the next use.
    var home: Int? {
      let word = unsafe fields.pointee.home
      return word == 0 ? nil : Int(word) - 1
    }

    /// Whether somebody uses the row, alive or not.
    var isInUse: Bool { incarnation.loadAcquire() & 1 == 1 }
  }

  /// Offsets as drawn at `shmbus_head`.
  @safe @usableFromInline
  struct HeadRow {
    let base: UnsafeMutableRawPointer
    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }
    var head: SharedWord { unsafe SharedWord(base, at: 0) }
    var heldFrom: SharedWord { unsafe SharedWord(base, at: 8) }
    var owner: SharedWord { unsafe SharedWord(base, at: 16) }
    var moved: SharedWord { unsafe SharedWord(base, at: 24) }
    /// A restore took the head on from this offset - 1, and no member was told yet; else 0.
    var lostFrom: SharedWord { unsafe SharedWord(base, at: 32) }
  }

  /// Offsets as drawn at `shmbus_group_row`.
  @safe
  struct GroupRow {
    let base: UnsafeMutableRawPointer
    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }
    var fields: UnsafeMutablePointer<shmbus_group_row> {
      unsafe base.assumingMemoryBound(to: shmbus_group_row.self)
    }
    var incarnation: SharedWord { unsafe SharedWord(base, at: 0) }
    var generation: SharedWord { unsafe SharedWord(base, at: 8) }
    /// `flags` in its lower half, `parent` in its upper.
    var flags: SharedWord { unsafe SharedWord(base, at: 24) }
    var name: FixedName { unsafe FixedName(base + 64) }
    var member: FixedName { unsafe FixedName(base + 128) }

    /// Whether a group has the row.
    var isInUse: Bool { incarnation.loadAcquire() & 1 == 1 }
    /// Whether its heads hold publishers: read after the cursor, like a head (G2).
    var holdsPublishers: Bool { flags.loadAcquire() & 1 == 0 }
  }

  /// Offsets as drawn at `shmbus_quarantine_row`.
  @safe @usableFromInline
  struct QuarantineRow {
    let claim: SharedWord
    let owner: SharedWord
    let verdict: SharedWord
    let since: SharedWord
    init(_ base: UnsafeMutableRawPointer) {
      unsafe claim = SharedWord(base)
      unsafe owner = SharedWord(base, at: 8)
      unsafe verdict = SharedWord(base, at: 16)
      unsafe since = SharedWord(base, at: 24)
    }
  }
}

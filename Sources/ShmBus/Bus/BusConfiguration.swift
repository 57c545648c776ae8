/// What a bus is created with. Everything but the number of partitions is fixed for its life.
public struct BusConfiguration: Sendable, Equatable {
  /// What publishers do when the ring is full of messages that somebody has not read.
  public enum WhenFull: UInt32, Sendable {
    /// Wait, with a deadline. Nothing is lost.
    case block = 0
    /// Overwrite the oldest. A slow reader is told how much it lost.
    case overwrite = 1
  }

  /// When the partitions of a stored bus reach the disk, besides when ``Publisher/sync()`` or ``Bus/sync()``
  /// says so.
  public enum SyncPolicy: Sendable, Equatable {
    /// Whenever the kernel writes them.
    case none
    /// So often, by whoever keeps house: 1 ms to an hour.
    case interval(Duration)
    /// Before each publish returns: a message, a loan or a whole batch.
    case batch
  }

  /// Where the bus's state is kept, so that it survives the host.
  public enum StateDirectory: Sendable, Equatable {
    /// `$SHMBUS_DIR`; else, for root, `/var/lib/shmbus`, and `$XDG_STATE_HOME/shmbus` or
    /// `~/.local/state/shmbus` for everybody else. None where the environment names none, or says
    /// `SHMBUS_DIR=none`.
    case standard
    /// An absolute path of at most 256 bytes.
    case path(String)
    /// Nowhere: the bus is gone with the host's memory.
    case none
  }

  /// Partitions to begin with: 1 ... `maxPartitions`.
  public var partitions: Int
  /// How far partitions can grow.
  public var maxPartitions: Int
  /// Slots per partition: a power of two, 64 ... 2^30.
  public var slots: Int
  /// Bytes per slot: a multiple of 64, up to 1 MiB. A longer message takes several slots.
  public var slotSize: Int
  /// What happens when the ring is full.
  public var whenFull: WhenFull
  /// File mode of the segments; `umask` does not apply. Unless given: 0600, with a group 0660.
  public var mode: UInt32
  /// The group that the segments belong to, by number; nil for the creator's. A bus that exists tells it, or
  /// one of the next two.
  public var group: UInt32?
  /// Who may publish, by group number: partitions are theirs to write.
  public var publishGroup: UInt32?
  /// Who may subscribe, by group number: the kernel lets them read partitions and not write them.
  public var subscribeGroup: UInt32?
  /// Most publishers at a time: 1 ... 1,023.
  public var maxPublishers: Int
  /// Most subscribers and observers at a time: 1 ... 4,096.
  public var maxSubscribers: Int
  /// Most durable groups: 1 ... 1,024.
  public var maxGroups: Int
  /// Most durable producers: 1 ... 4,096.
  public var maxProducers: Int
  /// How long a publisher may sit on a claim before the bus goes on without it.
  public var claimTimeout: Duration
  /// Offsets between two entries of the sparse index: a power of two, up to `slots`.
  public var indexSpacing: Int
  /// Store and verify a CRC-32C of every message.
  public var checksum: Bool
  /// Touch every page at creation, and map every page when attaching: no access faults later.
  public var prefault: Bool
  /// Ask for huge pages, where the host gives them to `/dev/shm` (``HugePages``).
  public var hugePages: Bool
  /// On which NUMA nodes partitions lie.
  public var numa: NUMAPolicy
  /// A directory of a real file system that keeps the partitions, so that they survive the host; nil keeps
  /// them in shared memory. An absolute path of at most 120 bytes. A stored bus always has checksums.
  public var storage: String?
  /// When a stored bus's partitions reach the disk.
  public var sync: SyncPolicy
  /// Where the bus's state is kept. Of a bus that was opened it says where it is.
  public var stateDirectory: StateDirectory
  /// How often the housekeeper writes a checkpoint: 10 ms to an hour.
  public var checkpointEvery: Duration

  /// The defaults: one partition of 65,536 slots of 256 bytes, publishers block when it is full.
  public init(
    partitions: Int = 1, maxPartitions: Int? = nil, slots: Int = 65_536, slotSize: Int = 256,
    whenFull: WhenFull = .block, mode: UInt32? = nil, group: UInt32? = nil,
    publishGroup: UInt32? = nil, subscribeGroup: UInt32? = nil, maxPublishers: Int = 128,
    maxSubscribers: Int = 128, maxGroups: Int = 32, maxProducers: Int = 64,
    claimTimeout: Duration = .seconds(1), indexSpacing: Int = 64, checksum: Bool = false,
    prefault: Bool = false, hugePages: Bool = false, numa: NUMAPolicy = .none,
    storage: String? = nil, sync: SyncPolicy = .none,
    stateDirectory: StateDirectory = .standard, checkpointEvery: Duration = .seconds(1)
  ) {
    self.partitions = partitions
    self.maxPartitions = maxPartitions ?? max(partitions, 16)
    self.slots = slots
    self.slotSize = slotSize
    self.whenFull = whenFull
    self.mode = mode ?? (group == nil ? 0o600 : 0o660)
    self.group = group
    self.publishGroup = publishGroup
    self.subscribeGroup = subscribeGroup
    self.maxPublishers = maxPublishers
    self.maxSubscribers = maxSubscribers
    self.maxGroups = maxGroups
    self.maxProducers = maxProducers
    self.claimTimeout = claimTimeout
    self.indexSpacing = indexSpacing
    self.checksum = checksum || storage != nil
    self.prefault = prefault
    self.hugePages = hugePages
    self.numa = numa
    self.storage = storage
    self.sync = sync
    self.stateDirectory = stateDirectory
    self.checkpointEvery = checkpointEvery
  }

  /// The largest message with its key, in bytes: a quarter of the ring, at most 4,095 slots.
  public var largestMessage: Int { partitionLayout.largestMessage }
  /// Bytes of one partition's segment.
  public var partitionBytes: Int { partitionLayout.segmentBytes }
  /// Bytes of the control segment.
  public var controlBytes: Int { controlLayout.segmentBytes }

  /// Where the partitions live.
  var location: SegmentLocation { SegmentLocation(directory: storage) }

  var partitionLayout: PartitionLayout {
    PartitionLayout(
      slots: slots, slotSize: slotSize, maxPublishers: maxPublishers, indexSpacing: indexSpacing)
  }

  var controlLayout: ControlLayout {
    ControlLayout(
      maxPartitions: maxPartitions, maxPublishers: maxPublishers, maxSubscribers: maxSubscribers,
      maxGroups: maxGroups, maxProducers: maxProducers, slots: slots)
  }

  /// Refuses what cannot be, naming the option, what was given and what would do.
  ///
  /// - Throws: ``BusError`` `.usage`; ``Bus/create(_:_:)`` throws the same.
  public func validate() throws(BusError) {
    try Self.check("max-partitions", maxPartitions, 1...1024)
    try Self.check("partitions", partitions, 1...maxPartitions)
    try Self.check("slots", slots, 64...(1 << 30))
    try Self.checkPowerOfTwo("slots", slots)
    try Self.check("slot-size", slotSize, 64...(1 << 20))
    guard slotSize % 64 == 0 else {
      throw BusError(
        .usage,
        "slot-size \(slotSize) is not a multiple of 64; \(roundUp(slotSize, to: 64)) would do")
    }
    try Self.check("max-publishers", maxPublishers, 1...1023)
    try Self.check("max-subscribers", maxSubscribers, 1...4096)
    try Self.check("max-groups", maxGroups, 1...1024)
    try Self.check("max-producers", maxProducers, 1...4096)
    try Self.check("index-spacing", indexSpacing, 1...slots)
    try Self.checkPowerOfTwo("index-spacing", indexSpacing)
    try Self.check("mode", Int(mode), 0...0o777)
    try numa.validate(maxPartitions: maxPartitions)
    guard group == nil || publishGroup == nil && subscribeGroup == nil else {
      throw BusError(
        .usage, "group goes without publish-group and subscribe-group, which say more")
    }
    guard publishGroup == nil || publishGroup != subscribeGroup else {
      throw BusError(
        .usage, "publish-group and subscribe-group are the same; one --group does that")
    }
    guard claimTimeout > .zero, claimTimeout < .seconds(86_400) else {
      throw BusError(.usage, "claim-timeout must be more than nothing and less than a day")
    }
    try validateStorage()
    guard checkpointEvery >= .milliseconds(10), checkpointEvery <= .seconds(3_600) else {
      throw BusError(.usage, "checkpoint-every must be 10 ms to an hour")
    }
    if case .path(let path) = stateDirectory {
      guard path.hasPrefix("/"), (1...256).contains(path.utf8.count), !path.utf8.contains(0) else {
        throw BusError(
          .usage, "state-dir '\(path)' must be an absolute path of at most 256 bytes")
      }
    }
  }

  /// With the state directory that the environment names.
  var resolved: BusConfiguration {
    guard stateDirectory == .standard else { return self }
    var found = self
    found.stateDirectory = StatePlace.standard.map { .path($0) } ?? .none
    return found
  }

  private static func check(
    _ name: String, _ value: Int, _ range: ClosedRange<Int>
  ) throws(BusError) {
    guard range.contains(value) else {
      throw BusError(
        .usage, "\(name) is \(value); it must be \(range.lowerBound) to \(range.upperBound)")
    }
  }

  private static func checkPowerOfTwo(_ name: String, _ value: Int) throws(BusError) {
    guard value.nonzeroBitCount == 1 else {
      let next = 1 << (Int.bitWidth - value.leadingZeroBitCount)
      throw BusError(.usage, "\(name) \(value) is not a power of two; \(next) would do")
    }
  }
}

extension Duration {
  /// Whole nanoseconds, clamped to what 64 bits hold.
  @usableFromInline
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < 10_000_000_000 else { return .max }
    return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
  }
}

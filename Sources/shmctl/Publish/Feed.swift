import ShmBus
import ToolSupport

/// One publisher that is given records, and what is to be said about it in the end.
struct Feed: ~Copyable {
  let publisher: Publisher
  let partitions: Int
  /// The partition that all messages go to, where the user named one.
  let partition: Int?
  private let slotSize: Int
  /// Slots of a batch: enough to make its claim and wake cheap, and a few batches fit a small ring.
  private let batchSlots: Int
  private let timeout: Duration
  private var cuts: [Cutter.Cut] = []
  private var slots = 0
  private var rotation: Int
  private(set) var messages = 0
  private(set) var bytes = 0

  /// Attaches to the bus.
  static func open(_ bus: Bus, partition: Int?, timeout: Duration) throws -> Feed {
    if let partition, partition >= bus.partitions {
      throw Failure(
        usage:
          "bus '\(bus.name)' has no partition \(partition); it has 0 to \(bus.partitions - 1)")
    }
    return Feed(bus, try bus.publisher(), partition: partition, timeout: timeout)
  }

  private init(
    _ bus: Bus, _ publisher: consuming Publisher, partition: Int?, timeout: Duration
  ) {
    let configuration = bus.configuration
    partitions = bus.partitions
    self.partition = partition
    self.timeout = timeout
    slotSize = configuration.slotSize
    batchSlots = min(256, configuration.largestMessage / configuration.slotSize)
    rotation = Int.random(in: 0..<partitions)
    self.publisher = publisher
    cuts.reserveCapacity(batchSlots)
  }

  // MARK: Records without a key, in batches

  /// Adds a record of `bytes` to the batch; false if the batch must be sent first.
  mutating func collect(_ cut: Cutter.Cut) -> Bool {
    let span = max(1, (cut.count + slotSize - 1) / slotSize)
    guard slots + span <= batchSlots else { return false }
    cuts.append(cut)
    slots += span
    return true
  }

  var hasCollected: Bool { slots > 0 }

  /// Publishes what was collected: one claim, one wake, one partition. `start` is where the first one is.
  mutating func sendBatch(from start: UnsafeRawPointer?) throws {
    guard slots > 0, let start = unsafe start else { return }
    let place = partition ?? nextPartition()
    var patience = Patience(timeout)
    var isSent = false
    while !isSent {
      do throws(PublishError) {
        var batch = try publisher.batch(slots: slots, partition: place, timeout: Patience.slice)
        var record = unsafe start
        for cut in cuts {
          let payload = unsafe RawSpan(_unsafeStart: record + cut.start, byteCount: cut.count)
          let fits = batch.append(payload)
          precondition(fits, "the batch was claimed for all of them")
          unsafe record += cut.taken
        }
        try batch.publish()
        isSent = true
      } catch { try patience.waitAgain(after: error) }
    }
    messages += cuts.count
    bytes += cuts.reduce(0) { $0 + $1.count }
    cuts.removeAll(keepingCapacity: true)
    slots = 0
  }

  /// Batches go round the partitions.
  private mutating func nextPartition() -> Int {
    rotation = rotation + 1 < partitions ? rotation + 1 : 0
    return rotation
  }

  // MARK: One at a time

  /// Publishes one message: to `place`, else where its key belongs, else anywhere.
  mutating func send(_ payload: RawSpan, key: RawSpan?, to place: Int?) throws {
    let place = partition ?? place
    var patience = Patience(timeout)
    var isSent = false
    while !isSent {
      do throws(PublishError) {
        if let key {
          try publisher.publish(payload, key: key, partition: place, timeout: Patience.slice)
        } else {
          try publisher.publish(payload, partition: place, timeout: Patience.slice)
        }
        isSent = true
      } catch { try patience.waitAgain(after: error) }
    }
    messages += 1
    bytes += payload.byteCount
  }
}

/// Waits for a full ring in slices, so that a signal is answered in between.
struct Patience {
  static let slice = Duration.milliseconds(100)
  private let timeout: Duration
  /// Set by the first slice that was in vain: nobody pays for a clock before.
  private var deadline: ContinuousClock.Instant?

  init(_ timeout: Duration) { self.timeout = timeout }

  /// Returns when another try is due; throws what ends it.
  mutating func waitAgain(after error: PublishError) throws {
    try Interrupted.check()
    guard case .full = error else { throw error }
    let now = ContinuousClock.now
    let end = deadline ?? now + timeout - Self.slice
    if now >= end { throw error }
    deadline = end
  }
}

import CShmBus

/// A named, partitioned, ordered log of messages in shared memory, open in this process.
///
/// A `Bus` may be shared freely between threads; the publishers and subscribers made from it belong to one
/// thread at a time. It stays mapped until the last of them is gone.
///
/// ```swift
/// let bus = try Bus.create("orders", BusConfiguration(partitions: 4))
/// let publisher = try bus.publisher()
/// try publisher.publish("hello", key: "customer-42")
/// ```
@safe
public final class Bus: @unchecked Sendable {
  /// The name it was created with.
  public var name: String { busName.name }
  /// What it was created with.
  public let configuration: BusConfiguration
  /// A random stamp of this creation: a bus removed and created anew has another.
  public let generation: UInt64

  let busName: BusName
  let control: SharedMemory
  let mapping: Mapping
  let map: ControlMap
  /// This process's part in keeping house; set before anybody else has the bus.
  private var duty: HouseDuty?

  init(
    _ busName: BusName, _ configuration: BusConfiguration, control: consuming SharedMemory,
    mapping: consuming Mapping, generation: UInt64
  ) {
    self.busName = busName
    self.configuration = configuration
    self.control = control
    unsafe map = ControlMap(mapping.base, configuration.controlLayout)
    self.mapping = mapping
    self.generation = generation
    // Before anything of the bus is touched: a quarantiner's fence must reach this process too.
    _ = ProcessBarrier.register()
  }

  deinit {
    if let duty { Housekeeper.shared.leave(duty) }
  }

  /// Has this process keep house, or stand by: a tool that looks and goes does not come to it.
  package func keepHouse(startsAfter delay: UInt64 = 200_000_000, always: Bool = false) {
    guard duty == nil, always || !Self.isHousekeepingDeclined, let own = try? Bus(reopening: self)
    else { return }
    let duty = HouseDuty(own, startsAfter: delay)
    self.duty = duty
    Housekeeper.shared.enter(duty)
  }

  /// The same memory, mapped once more: it lives as long as this one, whatever its name stands for by now.
  private convenience init(reopening bus: Bus) throws(SystemError) {
    let control = try bus.control.duplicated()
    let mapping = try Mapping(
      control.descriptor, byteCount: bus.mapping.byteCount, writable: true, populate: false)
    self.init(
      bus.busName, bus.configuration, control: control, mapping: mapping,
      generation: bus.generation)
  }

  /// How many partitions there are now.
  public var partitions: Int { map.partitions }

  /// Whether somebody removed the bus, or deleted its control segment by hand; maybe another bus has its
  /// name by now. What is mapped stays readable; nothing new can be opened. Costs a system call.
  public var isRemoved: Bool {
    if isRetired { return true }
    guard mapping.fate == .whole, control.isUnlinked else { return false }
    // Whoever notices tells the others.
    retire()
    return true
  }

  /// The same as far as it is known: one load.
  var isRetired: Bool { map.state.loadAcquire() == ControlState.removed }  // S2, partner: S1

  /// Tells everyone attached that the bus is gone.
  func retire() {
    map.state.storeRelease(ControlState.removed)  // S1, partner: S2
    for partition in 0..<partitions {
      // A publisher that is never held would not look at the state: now it is held within a lap.
      map.partition(partition).ceiling.storeRelease(0)
      Sleepers.subscribers(of: partition, in: map).wakeAll()
      Sleepers.publishers(of: partition, in: map).wakeAll()
    }
  }

  /// What one partition's segment is called.
  func segmentName(_ partition: Int) -> String {
    configuration.location.name(busName.partition(partition))
  }

  /// Opens one partition's segment and checks that it belongs to this bus. `populated`: for an endpoint, which
  /// is to meet no page fault where the bus is prefaulted; who only looks at a few pages has no use for it.
  func segment(
    _ partition: Int, writable: Bool, populated: Bool = false
  ) throws(BusError) -> PartitionSegment {
    do {
      return try PartitionSegment(
        self, partition, writable: writable, populated: populated && configuration.prefault)
    } catch {
      // The name may belong to the next bus of this name by now.
      throw isRemoved ? .removed(name) : error
    }
  }
}

/// The values of the control header's `state`.
enum ControlState {
  static let creating: UInt64 = 0
  static let ready: UInt64 = 1
  static let removed: UInt64 = 2
}

/// One partition's segment, mapped. Publishers map it writable, subscribers read-only: the kernel then keeps
/// them from damaging a message.
@safe
final class PartitionSegment {
  let ring: Ring
  let mapping: Mapping
  /// The node that the kernel was told to prefer for it.
  let boundNode: UInt32?
  /// Who was to open it when it was created.
  let access: FileAccess
  /// Of a stored one: what a sync is asked of.
  private let file: Descriptor?
  /// The file's descriptor; -1 in shared memory.
  let fileNumber: Int32

  init(_ bus: Bus, _ partition: Int, writable: Bool, populated: Bool) throws(BusError) {
    let name = bus.segmentName(partition)
    let layout = bus.configuration.partitionLayout
    do throws(any Error) {
      let memory = try SharedMemory.open(name, writable: writable)
      let found = try memory.byteCount()
      guard found == layout.segmentBytes else {
        throw BusError.wrong(name, "size", found: found, expected: layout.segmentBytes)
      }
      mapping = try Mapping(
        ring: memory.descriptor, byteCount: layout.segmentBytes, repeating: layout.wrap,
        writable: writable, populate: populated,
        alignment: bus.configuration.hugePages ? HugePages.alignment : 0)
      if bus.configuration.storage != nil {
        let file = try memory.reopened(writable: false)
        fileNumber = file.number
        self.file = consume file
      } else {
        fileNumber = -1
        file = nil
      }
    } catch {
      throw .from(error) { .cannotOpen(name, writing: writable, $0) }
    }
    let header = unsafe mapping.base.assumingMemoryBound(to: shmbus_partition_header.self)
    try unsafe Self.check(header.pointee, name, bus, partition, layout)
    let node = unsafe header.pointee.node
    boundNode = node < 1024 ? node : nil
    access = unsafe FileAccess(header.pointee)
    ring = unsafe Ring(partitionBase: mapping.base, layout)
  }

  private static func check(
    _ header: shmbus_partition_header, _ name: String, _ bus: Bus, _ partition: Int,
    _ layout: PartitionLayout
  ) throws(BusError) {
    guard header.magic == SHMBUS_PARTITION_MAGIC else {
      throw .wrong(name, "magic", found: header.magic, expected: SHMBUS_PARTITION_MAGIC)
    }
    guard header.layout_version == UInt32(SHMBUS_LAYOUT_VERSION) else {
      throw .wrong(
        name, "layout version", found: header.layout_version, expected: SHMBUS_LAYOUT_VERSION)
    }
    guard header.generation == bus.generation else {
      throw .wrong(name, "generation", found: header.generation, expected: bus.generation)
    }
    let found = PartitionLayout(
      slots: Int(truncatingIfNeeded: header.slots), slotSize: Int(header.slot_size),
      maxPublishers: Int(header.max_publishers), indexSpacing: Int(header.index_spacing))
    guard found == layout, Int(header.partition) == partition else {
      throw .wrong(
        name, "geometry", found: "partition \(header.partition) \(found)",
        expected: "partition \(partition) \(layout)")
    }
  }
}

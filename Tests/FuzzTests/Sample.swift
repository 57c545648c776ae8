import CShmBus
import Glibc

@testable import ShmBus

/// A small bus with something of everything, made once for a process; every run begins with the
/// same bytes.
@safe
final class Sample: @unchecked Sendable {
  let bus: Bus
  /// The segments of the bus, mapped writable: control first, then the partitions.
  let live: [UnsafeMutableRawBufferPointer]
  /// What they held when everything was in order.
  let images: [[UInt8]]

  init(_ name: String, _ configuration: BusConfiguration, withTheDead: Bool) throws {
    let bus = try Bus.create(name, configuration)
    let names = [bus.busName.control] + (0..<bus.partitions).map { bus.busName.partition($0) }
    self.bus = bus
    unsafe live = try names.map { name in unsafe try Self.map(name) }
    images = try unsafe Self.fill(bus, live, withTheDead: withTheDead)
    restore()
  }

  /// Undoes whatever was done to the segments.
  func restore() {
    for place in images.indices { unsafe live[place].copyBytes(from: images[place]) }
  }

  var mutation: Mutation {
    unsafe Mutation(
      segments: live, control: bus.configuration.controlLayout,
      partition: bus.configuration.partitionLayout)
  }

  private static func map(_ name: String) throws -> UnsafeMutableRawBufferPointer {
    let memory = try SharedMemory.open(name, writable: true)
    let count = try memory.byteCount()
    let base = unsafe mmap(
      nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, memory.descriptor.number, 0)
    guard let base = unsafe base, unsafe base != MAP_FAILED else {
      throw SystemError.last("mmap", name)
    }
    return unsafe UnsafeMutableRawBufferPointer(start: base, count: count)
  }

  /// A lap and a half of messages with keys, long ones, batches and padding. `withTheDead` takes
  /// the picture while claims are open and endpoints attached: their locks are free afterwards, as
  /// if all had been killed.
  private static func fill(
    _ bus: Bus, _ live: [UnsafeMutableRawBufferPointer], withTheDead: Bool
  ) throws -> [[UInt8]] {
    let publisher = try bus.publisher(partitioner: .roundRobin)
    for number in 0..<(bus.configuration.slots * 3 / 2) {
      let bytes = [UInt8](repeating: UInt8(number & 15), count: number % 100)
      try unsafe publisher.publish(bytes.span.bytes, key: [7, UInt8(number & 15)].span.bytes)
    }
    let subscriber = try bus.subscriber(from: .latest)
    for partition in 0..<bus.partitions {
      try publisher.publish(batch: [[1], [2, 2], [3]], partition: partition)
      let dropped = try publisher.loan(byteCount: 100, partition: partition)
      _ = dropped.byteCount
    }
    guard withTheDead else { return unsafe copy(live) }
    let other = try bus.publisher()
    let first = try publisher.loan(byteCount: 70, partition: 0)
    let second = try other.loan(byteCount: 10, partition: 0)
    let third = try publisher.loan(byteCount: 10, partition: 0)
    let images = unsafe copy(live)
    _ = (first.byteCount, second.byteCount, third.byteCount)
    _ = subscriber.position(inPartition: 0)
    return images
  }

  /// With every stamp and time made the same, so that a run can be repeated in another process.
  private static func copy(_ live: [UnsafeMutableRawBufferPointer]) -> [[UInt8]] {
    var images = unsafe live.map { unsafe Array($0) }
    let generation = images[0][16..<24]
    let time = (UInt64(1_700_000_000_000_000_000) >> 40).littleEndian
    for place in images.indices {
      for word in stride(from: 0, to: images[place].count - 7, by: 8) {
        let isGeneration = images[place][word..<(word + 8)] == generation
        // A time of now: its upper bytes tell.
        let value = images[place][word..<(word + 8)].reversed().reduce(UInt64(0)) {
          $0 << 8 | UInt64($1)
        }
        let isTime = value > 1_600_000_000_000_000_000 && value < 2_500_000_000_000_000_000
        guard isGeneration || isTime else { continue }
        let fixed = isGeneration ? 0x5eed_5eed_5eed_5eed : time << 40
        for byte in 0..<8 {
          images[place][word + byte] = UInt8(truncatingIfNeeded: fixed >> UInt64(8 * byte))
        }
      }
    }
    return images
  }
}

/// A corner of `/dev/shm` that belongs to this process, emptied when it ends in good order.
enum FuzzSpace {
  static func enter() {
    unsafe setenv("SHMBUS_NAMESPACE", "fuzz-\(getpid())", 1)
    unsafe setenv("SHMBUS_DIR", "none", 1)
    unsafe setenv("SHMBUS_HOUSEKEEPING", "off", 1)
    atexit { FuzzSpace.clear() }
  }

  /// Takes away what this process, or one of its kind that crashed, has left.
  static func clear() {
    let prefix = "/shmbus-fuzz-"
    for name in (try? SharedMemory.names(withPrefix: prefix)) ?? [] {
      let pid = pid_t(name.dropFirst(prefix.count).prefix { $0.isNumber }) ?? 0
      if pid == getpid() || (kill(pid, 0) != 0 && errno == ESRCH) {
        unsafe _ = shm_unlink(name)
      }
    }
  }
}

extension BusConfiguration {
  /// As small as can be: every byte of it counts.
  static func tiny(
    whenFull: WhenFull, checksum: Bool, claimTimeout: Duration = .milliseconds(1)
  ) -> BusConfiguration {
    BusConfiguration(
      partitions: 2, maxPartitions: 2, slots: 64, slotSize: 64, whenFull: whenFull,
      maxPublishers: 4, maxSubscribers: 4, maxGroups: 2, maxProducers: 2,
      claimTimeout: claimTimeout, indexSpacing: 8, checksum: checksum)
  }
}

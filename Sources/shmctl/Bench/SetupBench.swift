import Glibc
import ShmBus
import ToolSupport

/// What a bus takes before its first message: time to open and to create one, and memory beside the ring.
struct SetupBench {
  let extent: Extent
  /// Of the bus that is created.
  let byteCount: Int

  struct Result {
    /// A bus that exists, at defaults.
    let open: Percentiles
    /// Its control segment's size of memory, opened and mapped: endpoints map the partitions.
    let openLimit: Beside<Percentiles>?
    /// A prefaulted bus.
    let create: Percentiles
    /// `posix_fallocate` of as much memory, and a write to each page.
    let createLimit: Percentiles
    let createdBytes: Int
    /// At defaults: what is not headers and cells, with all tables.
    let busBytes: Int
    /// An endpoint's own memory in its process.
    let endpointBytes: Int
  }

  func run() throws -> Result {
    let endpointBytes = try withBus(BusConfiguration(), endpointBytes)
    let (open, openLimit) = try Beside.measure(
      bareOpen, { try withBus(BusConfiguration(), timeOpen) })
    let (create, createLimit) = try timeCreate()
    let usual = BusConfiguration()
    return Result(
      open: open, openLimit: openLimit, create: create, createLimit: createLimit,
      createdBytes: byteCount,
      busBytes: usual.controlBytes + usual.partitionBytes - usual.slots * (64 + usual.slotSize),
      endpointBytes: endpointBytes)
  }

  private func withBus<Value>(
    _ configuration: BusConfiguration, _ body: (Bus) throws -> Value
  ) throws -> Value {
    var configuration = configuration
    configuration.stateDirectory = .none
    let bus = try Bus.create("bench-\(getpid())", configuration, keepsHouse: false)
    defer { try? Bus.remove(bus.name, force: true) }
    return try body(bus)
  }

  private func timeOpen(_ bus: Bus) throws -> Percentiles {
    try Self.time(extent) { _ = try Bus.open(bus.name, keepsHouse: false) }
  }

  private func bareOpen() throws -> Percentiles {
    let pages = try SharedPages.create(byteCount: BusConfiguration().controlBytes)
    return try Self.time(extent) {
      _ = try SharedPages.open(pages.path, byteCount: BusConfiguration().controlBytes)
    }
  }

  /// The two take turns: each takes long, and the host may change.
  private func timeCreate() throws -> (Percentiles, Percentiles) {
    let slotSize = 960
    var slots = 1024
    while slots * (64 + slotSize) < byteCount { slots *= 2 }
    let configuration = BusConfiguration(slots: slots, slotSize: slotSize, prefault: true)
    let bytes = configuration.controlBytes + configuration.partitionBytes
    let (times, limits) = (Histogram(), Histogram())
    for _ in 0..<3 {
      limits.add(try Self.nanoseconds { try SharedPages.create(byteCount: bytes).touch() })
      times.add(try Self.nanoseconds { try withBus(configuration) { _ in } })
      try Interrupted.check()
    }
    return (Percentiles(times), Percentiles(limits))
  }

  private static func time(_ extent: Extent, _ body: () throws -> Void) throws -> Percentiles {
    let times = Histogram()
    try extent.repeated {
      times.add(try nanoseconds(body))
      try Interrupted.check()
    }
    return Percentiles(times)
  }

  private static func nanoseconds(_ body: () throws -> Void) rethrows -> UInt64 {
    let start = Cycles.monotonic()
    try body()
    return Cycles.monotonic() - start
  }
}

/// What an endpoint takes in its process, as the mean of many.
extension SetupBench {
  private final class Pair {
    private let publisher: Publisher
    private let subscriber: Subscriber

    init(_ bus: Bus) throws {
      publisher = try bus.publisher()
      subscriber = try bus.subscriber()
    }
  }

  private func endpointBytes(_ bus: Bus) throws -> Int {
    // What the first one alone takes is not theirs.
    var pairs = [try Pair(bus)]
    let count = 100
    let before = try Self.ownBytes()
    for _ in 0..<count { pairs.append(try Pair(bus)) }
    let after = try Self.ownBytes()
    return withExtendedLifetime(pairs) { max(0, after - before) / (2 * count) }
  }

  /// The resident memory that this process shares with nobody.
  private static func ownBytes() throws -> Int {
    let file = unsafe open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var block = [UInt8](repeating: 0, count: 8192)
    let count = unsafe read(file, &block, block.count)
    let lines = String(decoding: block.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("RssAnon:") }),
      let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first,
      let number = Int(kibibytes)
    else { throw Failure(.unavailable, "/proc/self/status does not say how much memory is used") }
    return number * 1024
  }
}

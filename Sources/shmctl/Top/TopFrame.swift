import ShmBus
import ToolSupport

/// One bus at one moment, with what two looks at it tell: how fast it moves. Plain values.
struct TopFrame: Equatable, Sendable {
  struct Partition: Equatable, Sendable {
    var number: Int
    var cursor: UInt64
    var oldest: UInt64
    var capacity: UInt64
    /// Slots that must not be overwritten yet; how far its holder is behind.
    var kept: UInt64
    /// Slots a second; nil at the first look.
    var rate: Double?
    var holder: Holder?
  }

  /// Who holds a partition's ring.
  struct Holder: Equatable, Sendable {
    var role: String
    var row: Int
    /// Nil for a group: it is no process.
    var process: String?
  }

  struct Endpoint: Equatable, Sendable {
    var row: Int
    var role: BusStatus.Endpoint.Role
    var pid: Int
    var command: String
    var state: BusStatus.Endpoint.Liveness
    /// Nanoseconds since it attached.
    var age: UInt64
    /// Nanoseconds since it last called its bus.
    var silence: UInt64
    /// Slots it has still to read; nil for those who hold nothing.
    var lag: UInt64?
    /// Slots a second that it reads; nil at the first look and for those who hold nothing.
    var rate: Double?
  }

  var name: String
  /// "2 x 65,536 slots x 256 B".
  var geometry: String
  /// Whether publishers wait when the ring is full.
  var blocks: Bool
  /// Bytes of shared memory.
  var bytes: Int
  /// Nanoseconds since it was created.
  var age: UInt64
  var partitions: [Partition]
  var endpoints: [Endpoint]

  /// Slots a second over all partitions; nil at the first look.
  var rate: Double? {
    let known = partitions.compactMap(\.rate)
    return known.count == partitions.count ? known.reduce(0, +) : nil
  }

  func count(_ role: BusStatus.Endpoint.Role) -> Int { endpoints.count { $0.role == role } }
}

/// Where everybody stood at one look; the next one subtracts it.
struct TopSample: Sendable {
  let status: BusStatus
  /// Nanoseconds of a clock that never goes back.
  let monotonic: UInt64
  /// Nanoseconds since 1970.
  let realtime: UInt64
}

extension TopFrame {
  init(_ now: TopSample, since previous: TopSample?) {
    let status = now.status
    let pace = Pace(now, since: previous)
    let since = { (time: UInt64) in now.realtime > time ? now.realtime - time : 0 }
    name = status.name
    let slots = Numbers.grouped(status.configuration.slots)
    geometry =
      "\(status.partitions.count) x \(slots) slots x "
      + Numbers.bytes(status.configuration.slotSize)
    blocks = status.configuration.whenFull == .block
    bytes = status.configuration.totalBytes
    age = since(status.created)
    partitions = status.partitions.map { partition in
      Partition(
        number: partition.partition, cursor: partition.cursor, oldest: partition.oldest,
        capacity: partition.capacity,
        kept: partition.cursor - min(partition.cursor, partition.gate),
        rate: pace.rate(of: partition),
        holder: partition.holder.map { Holder($0, in: status) })
    }
    endpoints = status.endpoints.map { endpoint in
      Endpoint(
        row: endpoint.row, role: endpoint.role, pid: endpoint.pid, command: endpoint.command,
        state: endpoint.state, age: since(endpoint.attached),
        silence: since(endpoint.heartbeat),
        lag: endpoint.heads.isEmpty ? nil : status.lag(of: endpoint),
        rate: pace.rate(of: endpoint))
    }
  }
}

extension TopFrame.Holder {
  fileprivate init(_ holder: BusStatus.Holder, in status: BusStatus) {
    switch holder {
    case .subscriber(let number): (role, row) = ("subscriber", number)
    case .publisher(let number): (role, row) = ("publisher", number)
    case .group(let number): (role, row) = ("group", number)
    }
    let row = row
    if case .group = holder { return }
    process = status.endpoints.first { $0.row == row }.map { "pid \($0.pid) \($0.command)" }
  }
}

/// What moved between two looks.
private struct Pace {
  /// Seconds between them; nil where there is nothing to compare with.
  private let seconds: Double?
  private let cursors: [Int: UInt64]
  private let endpoints: [Int: BusStatus.Endpoint]

  init(_ now: TopSample, since previous: TopSample?) {
    guard let previous, previous.status.generation == now.status.generation,
      now.monotonic > previous.monotonic
    else {
      (seconds, cursors, endpoints) = (nil, [:], [:])
      return
    }
    seconds = Double(now.monotonic - previous.monotonic) / 1e9
    let before = previous.status
    cursors = Dictionary(uniqueKeysWithValues: before.partitions.map { ($0.partition, $0.cursor) })
    endpoints = Dictionary(uniqueKeysWithValues: before.endpoints.map { ($0.row, $0) })
  }

  func rate(of partition: BusStatus.Partition) -> Double? {
    guard let seconds, let before = cursors[partition.partition], partition.cursor >= before
    else { return nil }
    return Double(partition.cursor - before) / seconds
  }

  func rate(of endpoint: BusStatus.Endpoint) -> Double? {
    guard let seconds, let before = endpoints[endpoint.row], before.attached == endpoint.attached,
      !endpoint.heads.isEmpty
    else { return nil }
    let moved = endpoint.heads.reduce(UInt64(0)) { sum, entry in
      let (partition, head) = entry
      return sum + (head - min(head, before.heads[partition] ?? head))
    }
    return Double(moved) / seconds
  }
}

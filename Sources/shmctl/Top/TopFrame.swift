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
    /// A group's name.
    var group: String?
    /// Nil for a group: it is no process.
    var process: String?
  }

  struct Group: Equatable, Sendable {
    /// With its member's name, in a broadcast.
    var name: String
    var assignor: String
    /// Members whose processes live, and poll in time.
    var members: Int
    /// Partitions that nobody owns.
    var unowned: Int
    /// Slots that are not done, over all partitions, and how old the oldest of them is.
    var lag: UInt64
    var behind: Duration?
    /// Slots from the oldest readable one to the head, in the partition where that is least: what a
    /// group that holds nobody is about to lose.
    var lead: UInt64?
    /// Slots a second that it gets done; nil at the first look, or when it was reset meanwhile.
    var rate: Double?
  }

  struct Endpoint: Equatable, Sendable {
    var row: Int
    var role: BusStatus.Endpoint.Role
    var group: String?
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
  var groups: [Group]
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
  let groups: [GroupStatus]
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
        holder: partition.holder.map { Holder($0, in: now) })
    }
    groups = now.groups.filter { !$0.partitions.isEmpty }.map { Group($0, pace.rate(of: $0)) }
    endpoints = status.endpoints.map { endpoint in
      Endpoint(
        row: endpoint.row, role: endpoint.role, group: endpoint.group, pid: endpoint.pid,
        command: endpoint.command,
        state: endpoint.state, age: since(endpoint.attached),
        silence: since(endpoint.heartbeat),
        lag: endpoint.heads.isEmpty && endpoint.group == nil
          ? nil : status.lag(of: endpoint, now.groups),
        rate: pace.rate(of: endpoint))
    }
  }
}

extension TopFrame.Holder {
  fileprivate init(_ holder: BusStatus.Holder, in now: TopSample) {
    switch holder {
    case .subscriber(let number): (role, row) = ("subscriber", number)
    case .publisher(let number): (role, row) = ("publisher", number)
    case .group(let number): (role, row) = ("group", number)
    }
    let row = row
    if case .group = holder {
      group = now.groups.first { $0.row == row }?.title
      return
    }
    process = now.status.endpoints.first { $0.row == row }.map { "pid \($0.pid) \($0.command)" }
  }
}

extension TopFrame.Group {
  fileprivate init(_ group: GroupStatus, _ rate: Double?) {
    self.init(
      name: group.title, assignor: group.assignor,
      members: group.members.count { $0.state == .alive },
      unowned: group.partitions.count { $0.owner == nil }, lag: group.lag, behind: group.lagTime,
      lead: group.partitions.map(\.lead).min(), rate: rate)
  }
}

/// What moved between two looks.
private struct Pace {
  /// Seconds between them; nil where there is nothing to compare with.
  private let seconds: Double?
  private let cursors: [Int: UInt64]
  private let endpoints: [Int: BusStatus.Endpoint]
  private let groups: [Int: GroupStatus]

  init(_ now: TopSample, since previous: TopSample?) {
    guard let previous, previous.status.generation == now.status.generation,
      now.monotonic > previous.monotonic
    else {
      (seconds, cursors, endpoints, groups) = (nil, [:], [:], [:])
      return
    }
    seconds = Double(now.monotonic - previous.monotonic) / 1e9
    let before = previous.status
    cursors = Dictionary(uniqueKeysWithValues: before.partitions.map { ($0.partition, $0.cursor) })
    endpoints = Dictionary(uniqueKeysWithValues: before.endpoints.map { ($0.row, $0) })
    groups = Dictionary(uniqueKeysWithValues: previous.groups.map { ($0.row, $0) })
  }

  func rate(of group: GroupStatus) -> Double? {
    guard let seconds, let before = groups[group.row], before.created == group.created else {
      return nil
    }
    var moved: UInt64 = 0
    for (old, new) in zip(before.partitions, group.partitions) {
      guard new.head >= old.head else { return nil }
      moved += new.head - old.head
    }
    return Double(moved) / seconds
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

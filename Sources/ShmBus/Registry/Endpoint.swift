import CShmBus

/// Why an endpoint could not take a row.
enum AttachError: Error {
  /// Every row of its kind is used by somebody alive.
  case noFreeRow(Endpoint.Role, of: Int)
  case system(SystemError)
}

/// A publisher's or subscriber's row of the registry, held by a lock that the kernel drops when its process
/// dies, however it dies.
struct Endpoint: ~Copyable {
  let row: Int
  /// Odd: this use of the row.
  let incarnation: UInt64
  /// The open file description that holds the lock; this process's only descriptor of it.
  private let description: UnforkableDescriptor
  private let map: ControlMap
  /// Whose mapping `map` points into: the row is freed while it is still there, whoever goes first.
  private let owner: AnyObject

  enum Role: UInt32 {
    case publisher = 1
    case subscriber = 2
    case observer = 3
  }

  /// Takes the first free row of the role's part of the registry.
  ///
  /// Lock first, then bump the incarnation (`models/registry.pml`: the other order lets a recoverer abort
  /// the new owner's claims). A row whose owner died is resolved by `recover` before it is used again.
  init(
    _ role: Role, in map: ControlMap, of owner: AnyObject, control: borrowing SharedMemory,
    home: Int?, recover: (_ row: Int, _ incarnation: UInt64) -> Bool
  ) throws(AttachError) {
    let rows = Self.rows(of: role, in: map)
    let description = try Self.newDescription(of: control)
    let taken: Int?
    do {
      taken = try Self.lockFreeRow(among: rows, in: map, description.number, recover: recover)
    } catch { throw .system(error) }
    guard let row = taken else { throw .noFreeRow(role, of: rows.count) }
    let words = map.endpoint(row)
    // Before the row is in use: if we die right after, whoever sees it in use finds who we were, and the
    // sweep looks this far.
    Self.fill(words, role, home)
    let highWater = role == .publisher ? map.publisherRows : map.subscriberRows
    _ = highWater.raise(to: UInt64(row - rows.lowerBound + 1))  // E2, partner: G0
    let incarnation = words.incarnation.loadAcquire() &+ 1
    words.incarnation.storeRelease(incarnation)  // E1, partner: G0, V1
    map.admissions.add(1)
    self.row = row
    self.incarnation = incarnation
    self.map = map
    self.owner = owner
    self.description = description
  }

  /// Frees the row. The caller has closed its claims and heads. E3, partner: G0, the next E1.
  deinit { map.endpoint(row).incarnation.storeRelease(incarnation &+ 1) }

  /// Rows of publishers come first: a publisher's row is its number in cursors and control words.
  static func rows(of role: Role, in map: ControlMap) -> Range<Int> {
    let publishers = map.layout.maxPublishers
    return role == .publisher ? 0..<publishers : publishers..<map.layout.endpointRows
  }

  private static func newDescription(
    of control: borrowing SharedMemory
  ) throws(AttachError) -> UnforkableDescriptor {
    do { return try UnforkableDescriptor(control.reopened(writable: true)) } catch {
      throw .system(error)
    }
  }

  private static func lockFreeRow(
    among rows: Range<Int>, in map: ControlMap, _ description: Int32,
    recover: (_ row: Int, _ incarnation: UInt64) -> Bool
  ) throws(SystemError) -> Int? {
    for row in rows {
      guard try FileLock.acquire(Int64(row), of: description) else { continue }
      // Whoever used the row before us is dead or gone: nobody else can hold its lock now.
      let incarnation = map.endpoint(row).incarnation.loadAcquire()
      if incarnation & 1 == 0 || recover(row, incarnation) { return row }
      try FileLock.release(Int64(row), of: description)
    }
    return nil
  }

  /// Who sits here. All of it is for people and tools, but `home`: a group's members compute with each
  /// other's, so it stays as it is for this use of the row.
  private static func fill(_ words: ControlMap.EndpointRow, _ role: Role, _ home: Int?) {
    words.asleep.storeRelease(0)
    words.heartbeat.storeRelaxed(Clock.realtime())
    words.waiting.storeRelaxed(Packed.none)
    words.delivered.storeRelaxed(0)
    words.membership.storeRelease(0)
    words.label.put("")
    _ = unsafe Semaphore(words.semaphore).take()
    let process = ProcessIdentity.current()
    let fields = unsafe words.fields
    unsafe fields.pointee.pid = UInt32(process.pid)
    unsafe fields.pointee.uid = process.uid
    unsafe fields.pointee.attached = Clock.realtime()
    unsafe fields.pointee.role = role.rawValue
    unsafe fields.pointee.group = 0
    unsafe fields.pointee.partition = 0
    unsafe fields.pointee.home = home.map { UInt32($0 + 1) } ?? 0
    unsafe fields.pointee.flags = ProcessBarrier.register() ? 1 : 0
    for index in process.command.indices {
      unsafe words.base.storeBytes(
        of: process.command[index], toByteOffset: 48 + index, as: UInt8.self)
    }
  }
}

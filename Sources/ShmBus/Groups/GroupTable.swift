import CShmBus
import Glibc

/// What a group is created with.
struct GroupFields: Equatable {
  var name: String
  /// A broadcast member's own row; empty for every other group.
  var member = ""
  var assignor: UInt32
  var holdsPublishers: Bool
  var maxPollInterval: UInt64
  /// Group row + 1 whose broadcast member it is; 0 = none.
  var parent: UInt32 = 0
}

/// The table of durable groups. It is changed under a lock that the kernel frees when its holder
/// dies; looking needs none.
///
/// A row counts while its incarnation is odd. Whatever is left by somebody who died half-way has an
/// even one: heads of such a row hold nobody for longer than until a publisher that is held finds
/// them.
struct GroupTable {
  let map: ControlMap

  /// The group of a name; nil if there is none.
  func find(_ name: String, member: String = "") -> Group? {
    groups.first { $0.words.name.text == name && $0.words.member.text == member && $0.exists }
  }

  /// All that exist, by row.
  var groups: [Group] {
    map.usedGroupRows.compactMap { row in
      let incarnation = map.group(row).incarnation.loadAcquire()
      return incarnation & 1 == 1 ? Group(map: map, row: row, incarnation: incarnation) : nil
    }
  }

  /// Makes a group whose heads begin where `start` says. Nil when every row is in use. The caller
  /// holds the lock.
  ///
  /// From now on its heads hold publishers: they are stored as 0 first, then each partition's
  /// cursor is read, from which on nothing is overwritten (`models/join.pml`).
  func create(
    _ fields: GroupFields, _ lock: borrowing GroupLock, rings: [Ring],
    start: (_ partition: Int, _ heldFrom: Offset) -> Offset
  ) -> Group? {
    guard let row = (0..<map.layout.maxGroups).first(where: { !map.group($0).isInUse })
    else { return nil }
    let words = map.group(row)
    fill(words, fields)
    _ = map.groupRows.raise(to: UInt64(row + 1))  // E2, partner: G0
    let hasHeads = fields.assignor != Self.broadcast || !fields.member.isEmpty
    if hasHeads {
      for partition in rings.indices {
        map.head(row, partition: partition).owner.storeRelease(0)
        map.head(row, partition: partition).lostFrom.storeRelease(0)
        GroupHead(map.head(row, partition: partition).head).raise { _ in 0 }  // J1
      }
      fullFence()  // J2, partner: G1 before G0 and G2
      for (partition, ring) in rings.enumerated() {
        let head = map.head(row, partition: partition)
        let cursor = ring.end  // J3
        head.heldFrom.storeRelease(cursor)
        GroupHead(head.head).raise { _ in start(partition, cursor) }
      }
    }
    let incarnation = words.incarnation.loadAcquire() &+ 1
    words.incarnation.storeRelease(incarnation)  // B6
    return Group(map: map, row: row, incarnation: incarnation)
  }

  /// The code of the assignor whose members have rows and heads of their own.
  static var broadcast: UInt32 { 3 }

  private func fill(_ words: ControlMap.GroupRow, _ fields: GroupFields) {
    let row = unsafe words.fields
    unsafe row.pointee.mode = 0
    unsafe row.pointee.assignor = fields.assignor
    unsafe row.pointee.created = Clock.realtime()
    unsafe row.pointee.max_poll_interval = fields.maxPollInterval
    words.flags.storeRelease(UInt64(fields.parent) << 32 | (fields.holdsPublishers ? 0 : 1))
    words.name.put(fields.name)
    words.member.put(fields.member)
  }

  /// What a group was created with.
  func fields(of group: Group) -> GroupFields {
    let words = group.words
    let row = unsafe words.fields.pointee
    return GroupFields(
      name: words.name.text, member: words.member.text, assignor: row.assignor,
      holdsPublishers: words.holdsPublishers, maxPollInterval: row.max_poll_interval,
      parent: row.parent)
  }

  /// Ends a group: its members are told, its heads hold nobody any more. The caller holds the lock.
  func delete(_ group: Group, _ lock: borrowing GroupLock) {
    group.words.incarnation.storeRelease(group.incarnation &+ 1)  // B6
    clear(row: group.row)
    Group(map: map, row: group.row, incarnation: group.incarnation &+ 1).bump()
  }

  /// Clears what somebody left in an unused row who died half-way; true if a head of it held
  /// publishers.
  func clearLeftover(row: Int, _ lock: borrowing GroupLock) -> Bool {
    !map.group(row).isInUse && clear(row: row)
  }

  @discardableResult
  private func clear(row: Int) -> Bool {
    var held = false
    for partition in 0..<map.layout.maxPartitions {
      let words = map.head(row, partition: partition)
      guard Packed.offset(words.head.loadAcquire()) != Packed.noOffset else { continue }
      GroupHead(words.head).raise { _ in Packed.noOffset }
      words.owner.storeRelease(0)
      held = true
      if partition < map.partitions {
        Sleepers.publishers(of: partition, in: map).wakeAll()
      }
    }
    return held
  }

  /// A partition is about to be added: every group begins at its first message. The caller holds
  /// the lock.
  func begin(_ partition: Int, _ lock: borrowing GroupLock) {
    for group in groups {
      let fields = fields(of: group)
      guard fields.assignor != Self.broadcast || !fields.member.isEmpty else { continue }
      let words = map.head(group.row, partition: partition)
      words.owner.storeRelease(0)
      words.lostFrom.storeRelease(0)
      words.heldFrom.storeRelease(0)
      GroupHead(words.head).raise { _ in 0 }
    }
  }

  /// Moves a head, in either direction: late commits fail, borrowed bytes are void. The caller
  /// holds the lock.
  func reset(_ group: Group, _ partition: Int, to offset: Offset, _ lock: borrowing GroupLock) {
    let words = group.map.head(group.row, partition: partition)
    GroupHead(words.head).raise { old in
      // From the old head on nothing was overwritten; below it, anything may be.
      _ = words.heldFrom.raise(to: old)
      return offset
    }
    // Whoever moves it has decided about what lies before.
    words.lostFrom.storeRelease(0)
    words.moved.storeRelaxed(Clock.realtime())
    Sleepers.publishers(of: partition, in: map).wakeAll()
  }
}

/// The right to change the table of groups: one byte of the control segment, locked.
struct GroupLock: ~Copyable {
  private let description: UnforkableDescriptor

  private init(_ description: consuming UnforkableDescriptor) { self.description = description }

  /// Waits at most a second: who holds it is never at it for long. Nil if it still is somebody's.
  static func take(control: Int32) throws(SystemError) -> GroupLock? {
    let description = try UnforkableDescriptor(
      Descriptor(path: "/proc/self/fd/\(control)", flags: O_RDWR))
    let deadline = Clock.deadline(in: 1_000_000_000)
    // Ends: at the deadline.
    while try !FileLock.acquire(SHMBUS_LOCK_GROUPS, of: description.number) {
      guard Clock.monotonic() < deadline else { return nil }
      usleep(200)
    }
    return GroupLock(description)
  }
}

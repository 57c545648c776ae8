import CShmBus
import Glibc

extension Bus {
  /// Adds partitions, up to the bus's `maxPartitions`. Publishers and subscribers that are attached
  /// take them in by themselves; every group begins in them at the first message.
  ///
  /// A key may go to another partition afterwards: the order of one key's messages is kept within a
  /// partition only.
  ///
  /// - Parameter count: how many partitions there are to be. As many as there are changes nothing.
  /// - Throws: ``BusError`` `.usage` for fewer than there are, or more than the bus was created
  ///   for; `.cannotCreate`
  ///   when memory is short; `.tryAgain` while somebody else creates or removes.
  public func addPartitions(to count: Int) throws(BusError) {
    guard count <= configuration.maxPartitions else {
      throw BusError(
        .usage,
        "bus '\(name)' was created for \(configuration.maxPartitions) partitions at most, not \(count); "
          + "create it anew with a larger --max-partitions")
    }
    do throws(any Error) {
      let administration = try control.reopened(writable: true)
      guard try FileLock.acquire(SHMBUS_LOCK_ADMIN, of: administration.number) else {
        throw BusError(
          .tryAgain, "bus '\(name)' is being changed or removed by somebody; try again")
      }
      defer { try? FileLock.release(SHMBUS_LOCK_ADMIN, of: administration.number) }
      guard !isRemoved else { throw BusError.removed(name) }
      guard count >= partitions else {
        throw BusError(
          .usage,
          "bus '\(name)' has \(partitions) partitions, and they only grow: what is in a partition "
            + "would be lost, and keys would move; create a new bus instead")
      }
      let lock = try lockGroups()
      let creation = Creation(busName, configuration, nil)
      try creation.checkSpace(partitions: count - partitions)
      let (access, owner) = try accessOfPartitions()
      for partition in partitions..<count {
        try creation.createPartition(partition, generation, map, access: access, owner: owner)
        groupTable.begin(partition, lock)
        // Y1. Whoever sees the number sees the segment, and the groups' heads.
        map.partitionCount.storeRelease(UInt64(partition + 1))
      }
    } catch {
      throw .from(error) { BusError(.cannotCreate, "cannot add partitions to bus '\(name)'", $0) }
    }
    // A reboot must not take them away again: their offsets would begin anew.
    if statePlace != nil { try? checkpoint() }
    for group in groupTable.groups { group.bump() }
    for partition in 0..<partitions {
      Sleepers.subscribers(of: partition, in: map).wakeAll()
    }
  }

  /// What the kernel knows of the first partition, not what the control segment says: whoever may only
  /// subscribe must not be able to choose who may write the next one. And whose the others are, where they are
  /// not ours.
  private func accessOfPartitions() throws -> (FileAccess, owner: UInt32?) {
    let first = segmentName(0)
    guard let access = try FileAccess.of(path: SegmentLocation.path(of: first)),
      let owner = try SharedMemory.ownership(of: first)?.uid
    else { throw SystemError(call: "lstat", subject: first, code: ENOENT) }
    guard owner == geteuid() || geteuid() == 0 else {
      throw BusError(
        .permission,
        "bus '\(name)' belongs to uid \(HostName.numberedUser(owner)), you are "
          + "\(ProcessIdentity.sentence), and a partition must be its owner's: 'sudo -u "
          + "\(HostName.user(owner)) shmctl alter \(name) --partitions ...' adds it")
    }
    return (access, owner == geteuid() ? nil : owner)
  }
}

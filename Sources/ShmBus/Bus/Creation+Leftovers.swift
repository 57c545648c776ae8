import CShmBus
import Glibc

// What dead creators and removers left, and how names are taken away.

extension Creation {
  /// Clears away what a dead creator or remover left under this name; throws if the bus is somebody's.
  static func clearLeftover(_ name: BusName) throws(BusError) {
    do throws(any Error) {
      let memory = try SharedMemory.open(name.control, writable: true)
      guard try FileLock.acquire(SHMBUS_LOCK_ADMIN, of: memory.descriptor.number) else {
        throw BusError(
          .tryAgain, "bus '\(name.name)' is being created or removed by somebody; try again")
      }
      guard try memory.identity() == SharedMemory.identity(of: name.control) else { return }
      guard try isLeftover(memory, name) else {
        throw BusError(
          .cannotCreate,
          "bus '\(name.name)' exists already; open it, or remove it with 'shmctl remove \(name.name)'"
        )
      }
      try removeState(of: memory, name)
      try clearAway(name)
    } catch {
      if (error as? SystemError)?.code == ENOENT { return }
      throw .from(error) { .cannotOpen(name.control, $0) }
    }
  }

  /// A remover that died half way may have left the state of what it removed.
  private static func removeState(of memory: borrowing SharedMemory, _ name: BusName) throws {
    guard let (header, state) = try memory.controlHeader(), state == ControlState.removed,
      case .path(let directory) = BusConfiguration(header).stateDirectory
    else { return }
    try StatePlace(directory, namespace: name.namespace, name: name.name).remove()
  }

  /// Whether a control segment whose lock is free never became ready, or was being removed.
  static func isLeftover(_ memory: borrowing SharedMemory, _ name: BusName) throws -> Bool {
    guard let (header, state) = try memory.controlHeader(), header.magic != 0 else { return true }
    guard header.magic == SHMBUS_CONTROL_MAGIC else {
      throw BusError.wrong(
        name.control, "magic", found: header.magic, expected: SHMBUS_CONTROL_MAGIC)
    }
    return state == ControlState.creating || state == ControlState.removed
  }

  /// Partitions first: while the control segment is there, what is left can be found and removed.
  static func unlinkAll(_ name: BusName) {
    let names = (try? SharedMemory.names(withPrefix: name.segmentPrefix)) ?? []
    for segment in name.storedSegments { _ = try? SharedMemory.unlink(segment) }
    for segment in names where segment != name.control { _ = try? SharedMemory.unlink(segment) }
    _ = try? SharedMemory.unlink(name.control)
  }

  /// The same, where it must not be left half done.
  static func clearAway(_ name: BusName) throws(BusError) {
    try checkRemovable(name)
    unlinkAll(name)
    do { _ = try SharedMemory.unlink(name.control) } catch {
      throw .cannotUnlink(name.control, error)
    }
  }

  /// Refuses what the kernel will refuse, before anybody is told that the bus is gone.
  static func checkRemovable(_ name: BusName) throws(BusError) {
    guard SharedMemory.onlyOwnersRemove, geteuid() != 0,
      let owner = try? SharedMemory.ownership(of: name.control)?.uid, owner != geteuid()
    else { return }
    let refusal = SystemError(call: "shm_unlink", subject: name.control, code: EPERM)
    throw .cannotUnlink(name.control, refusal)
  }
}

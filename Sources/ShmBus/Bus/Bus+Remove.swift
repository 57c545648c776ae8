import CShmBus
import Glibc

extension Bus {
  /// Removes a bus: its names go at once, its memory when the last process unmaps it.
  ///
  /// - Parameters:
  ///   - name: the bus's.
  ///   - key: its access key, where it was created with one.
  ///   - force: remove it although endpoints live, although it is damaged, or without its key. They are
  ///     told (`.removed`); nobody is killed.
  /// - Throws: ``BusError`` `.notFound`; `.unavailable` while endpoints live, naming them; `.permission`
  ///   without its key, or where it is somebody else's; `.tryAgain` if somebody else is creating or
  ///   removing it.
  public static func remove(
    _ name: String, key: AccessKey? = nil, force: Bool = false
  ) throws(BusError) {
    let busName = try BusName(name)
    do throws(any Error) {
      let control = try SharedMemory.open(busName.control, writable: true)
      guard try FileLock.acquire(SHMBUS_LOCK_ADMIN, of: control.descriptor.number) else {
        throw BusError(
          .tryAgain, "bus '\(name)' is being created or removed by somebody; try again")
      }
      // Not left to the descriptor: a child that another thread is just starting has it until its exec.
      defer { try? FileLock.release(SHMBUS_LOCK_ADMIN, of: control.descriptor.number) }
      guard try control.identity() == SharedMemory.identity(of: busName.control) else {
        throw BusError.noSuchBus(name)
      }
      try Creation.checkRemovable(busName)
      try retire(busName, control, key, force: force)
      try Creation.clearAway(busName)
    } catch {
      throw .from(error) {
        $0.code == ENOENT ? .noSuchBus(name) : .cannotOpen(busName.control, $0)
      }
    }
  }

  /// Tells everyone attached that the bus is gone. A bus that never became ready has nobody to tell.
  private static func retire(
    _ name: BusName, _ control: borrowing SharedMemory, _ key: AccessKey?, force: Bool
  ) throws {
    let bus: Bus
    do {
      if try Creation.isLeftover(control, name) { return }
      bus = try Bus.open(name)
    } catch {
      guard force else { throw error }
      return
    }
    if !force { try unsafe AccessKey.check(key, bus.map.header.pointee, name.name) }
    let living = (0..<bus.map.layout.endpointRows).filter { row in
      bus.map.endpoint(row).isInUse
        && (try? FileLock.isHeld(Int64(row), seenFrom: control.descriptor.number)) == true
    }
    guard living.isEmpty || force else {
      let pids = living.prefix(5).map { unsafe "\(bus.map.endpoint($0).fields.pointee.pid)" }
      throw BusError(
        .unavailable,
        "bus '\(name.name)' is in use by \(living.count) endpoints (pid \(pids.joined(separator: ", "))"
          + "); end them first, or use --force")
    }
    bus.retire()
  }

  /// The names of the buses that exist in this namespace, sorted; half-created and damaged ones too.
  public static func list() throws(BusError) -> [String] {
    let prefix = BusName.prefix(namespace: BusName.environmentNamespace)
    do {
      return try SharedMemory.names(withPrefix: prefix)
        .filter { $0.hasSuffix(".control") }
        .map { String($0.dropFirst(prefix.count).dropLast(".control".count)) }
        .filter { (try? BusName($0)) != nil }
        .sorted()
    } catch { throw BusError(.unavailable, "cannot list /dev/shm", error) }
  }
}

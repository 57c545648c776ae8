import CShmBus
import Glibc

extension Bus {
  /// Removes a bus: its names and its state go at once, its memory when the last process unmaps it. Of a bus
  /// that is not in memory, its state goes.
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
      let place = try retire(busName, control, key, force: force)
      // Before the segments: who dies here leaves a bus that says that it is removed.
      try place?.remove()
      try Creation.clearAway(busName)
    } catch {
      if (error as? SystemError)?.code == ENOENT, try removeState(busName) { return }
      throw .from(error) {
        $0.code == ENOENT ? .noSuchBus(name) : .cannotOpen(busName.control, $0)
      }
    }
  }

  /// The state of a bus whose memory is gone, and its files if it is stored; false if there is none.
  private static func removeState(_ name: BusName) throws(BusError) -> Bool {
    guard let place = standardPlace(name), place.hasState else { return false }
    do throws(SystemError) {
      // Locked until it is gone: a process that still has the lost memory may keep house.
      let files = try CheckpointFiles(place.path)
      defer { withExtendedLifetime(files) {} }
      if let newest = files.newest, let storage = newest.configuration.storage {
        for segment in name.storedSegments(in: storage, of: newest.image.generation) {
          _ = try SharedMemory.unlink(segment)
        }
      }
      try place.remove()
    } catch { throw House.sentence(name.name, place, error) }
    return true
  }

  static func standardPlace(_ name: BusName) -> StatePlace? {
    StatePlace.standard.map { StatePlace($0, namespace: name.namespace, name: name.name) }
  }

  /// Tells everyone attached that the bus is gone; returns where its state is. A bus that never became ready
  /// has nobody to tell.
  private static func retire(
    _ name: BusName, _ control: borrowing SharedMemory, _ key: AccessKey?, force: Bool
  ) throws -> StatePlace? {
    let bus: Bus
    do {
      if try Creation.isLeftover(control, name) { return nil }
      bus = try Bus.open(name)
    } catch {
      guard force else { throw error }
      return standardPlace(name)
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
    return bus.statePlace
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

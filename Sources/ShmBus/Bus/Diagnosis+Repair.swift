import CShmBus
import Glibc

extension Diagnosis {
  /// Mends the fault where that is safe; does nothing where it is not (``isRepairable``).
  ///
  /// Everything is looked at once more under the bus's lock before it is touched: what has changed
  /// since the diagnosis is left alone.
  ///
  /// - Throws: ``BusError`` when the system refuses, or somebody is at work on the bus.
  public func repair() throws(BusError) {
    do throws(any Error) {
      switch remedy {
      case .sweep(let name): _ = try Bus.open(name).recover()
      case .clearLeftover(let name): try Creation.clearLeftover(name)
      case .clearOrphans(let name): try Self.clearOrphans(of: name)
      case .clearExtra(let name, let segment): try Self.clearExtra(segment, of: name)
      case .setAccess(let segment, let access):
        try access.apply(
          to: SharedMemory.open(segment, writable: false).descriptor, named: segment)
      case nil: break
      }
    } catch {
      throw .from(error) { .cannotOpen(subject, $0) }
    }
  }

  /// By creating the control segment we are the only ones who may create or remove this bus.
  private static func clearOrphans(of name: BusName) throws {
    let control: SharedMemory
    do { control = try SharedMemory.create(name.control) } catch {
      // Somebody creates the bus: that replaces the orphans.
      if error.code == EEXIST { return }
      throw error
    }
    guard try FileLock.acquire(SHMBUS_LOCK_ADMIN, of: control.descriptor.number),
      try control.identity() == SharedMemory.identity(of: name.control)
    else { return }
    Creation.unlinkAll(name)
  }

  private static func clearExtra(_ segment: String, of name: BusName) throws {
    let control = try SharedMemory.open(name.control, writable: true)
    guard try FileLock.acquire(SHMBUS_LOCK_ADMIN, of: control.descriptor.number) else {
      throw BusError(
        .tryAgain, "bus '\(name.name)' is being changed or removed by somebody; try again")
    }
    defer { try? FileLock.release(SHMBUS_LOCK_ADMIN, of: control.descriptor.number) }
    guard try control.identity() == SharedMemory.identity(of: name.control) else { return }
    let bus = try Bus.open(name)
    guard !(0..<bus.partitions).contains(where: { bus.segmentName($0) == segment }) else { return }
    _ = try SharedMemory.unlink(segment)
  }
}

import CShmBus
import Glibc

extension Bus {
  /// Brings back a stored bus from its partitions' files alone, after a reboot or on another host: makes a new
  /// control segment, and scrubs each ring down to the messages that are whole.
  ///
  /// Messages keep their offsets. What could not be brought back becomes a gap (``SubscribeError/Gap/Cause``
  /// `.lost`); publishing goes on above every offset that was ever handed out. Groups, their heads and the
  /// access key are not in these files but in the bus's checkpoint: where there is a whole one, it is refused to
  /// go on without them (``restore(_:from:storage:key:keepsHouse:)``).
  ///
  /// - Parameters:
  ///   - name: the bus's.
  ///   - storage: the directory.
  ///   - configuration: what the files do not tell: maxima, timeouts, what happens when the ring is full,
  ///     when to sync, where the state is kept. Their geometry and mode are taken from the files.
  ///   - key: what everybody who opens it must present from now on; nil for nothing.
  ///   - keepsHouse: as for ``open(_:key:keepsHouse:)``.
  /// - Returns: the bus, and what became of each partition.
  /// - Throws: ``BusError`` `.notFound` if there are no such files; `.cannotCreate` if the bus exists, or
  ///   could be restored; `.damaged` if a file's header is; `.unavailable` while a process has a file mapped.
  public static func adopt(
    _ name: String, storage: String, _ configuration: BusConfiguration = BusConfiguration(),
    key: AccessKey? = nil, keepsHouse: Bool = true
  ) throws(BusError) -> (bus: Bus, partitions: [RecoveredPartition]) {
    let busName = try BusName(name)
    let adoption = Adoption()
    var wanted = configuration.resolved
    wanted.storage = storage
    wanted.checksum = true
    do throws(any Error) { try adoption.survey(busName, &wanted) } catch {
      throw .from(error) { .cannotOpen(storage, $0) }
    }
    try wanted.validate()
    let bus = try Creation(busName, wanted, key, adopting: adoption).run()
    // Where that fails the bus works all the same; `stat` and `doctor` tell.
    if bus.statePlace != nil { try? bus.checkpoint() }
    if keepsHouse { bus.keepHouse() }
    return (bus, adoption.recovered)
  }
}

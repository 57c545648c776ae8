import CShmBus
import Glibc

/// Everything that can be wrong with one bus, from its files to its endpoints.
struct BusExamination {
  let name: BusName
  /// What exists of it.
  let segments: [String]

  init(_ name: BusName, _ segments: [String]) {
    self.name = name
    self.segments = segments
  }

  func diagnoses() -> [Diagnosis] {
    guard segments.contains(name.control) else { return orphans() }
    do throws(any Error) {
      if let unfinished = try unfinished() { return [unfinished] }
      let bus = try Bus.open(name)
      return segmentFaults(bus) + messageFaults(bus) + rebootNotices(bus)
        + EndpointExamination(bus).diagnoses() + StateExamination(bus).diagnoses()
    } catch let error as BusError where error.code == .notFound {
      // Removed since its name was read.
      return []
    } catch {
      return [cannotOpen(BusError.from(error) { .cannotOpen(name.control, $0) })]
    }
  }

  // -------------------------------------------------------------------------------- as a whole

  /// Partitions without a control segment: nobody can open them.
  private func orphans() -> [Diagnosis] {
    let users = SegmentUsers.of(segments)
    let bytes = segments.reduce(0) { $0 + SegmentUsers.byteCount(of: $1) }
    return [
      Diagnosis(
        name.name, .orphan, users.isEmpty ? .transient : .heldUp,
        finding: "its control segment is gone, so nobody can open the \(segments.count) partition "
          + "segments that are left",
        evidence: "there is no \(name.control), and \(segments.joined(separator: ", ")) still "
          + "\(segments.count == 1 ? "takes" : "take") \(bytes) bytes"
          + (users.isEmpty ? "" : "; mapped by \(users)"),
        fix: users.isEmpty
          ? "'shmctl doctor --fix' clears them away"
          : "end those processes; then 'shmctl doctor --fix' clears the segments away",
        remedy: users.isEmpty ? .clearOrphans(name) : nil)
    ]
  }

  /// A bus that never became ready, or was not removed to the end; nil for any other.
  private func unfinished() throws -> Diagnosis? {
    let control = try SharedMemory.open(name.control, writable: true)
    let isLocked = try FileLock.isHeld(SHMBUS_LOCK_ADMIN, seenFrom: control.descriptor.number)
    if isLocked {
      return Diagnosis(
        name.name, .inProgress, .transient,
        finding: "somebody is creating, changing or removing it right now",
        evidence: "a living process holds the administration lock of \(name.control)",
        fix: "look again in a moment")
    }
    let size = try control.byteCount()
    guard try Creation.isLeftover(control, name) else { return nil }
    let state = size < MemoryLayout<shmbus_control_header>.size ? 0 : try Self.state(control)
    let isRemoved = state == ControlState.removed
    let remnants = "\(segments.count) of its segments are left, \(size) bytes of control segment, "
    return Diagnosis(
      name.name, isRemoved ? .halfRemoved : .halfCreated, .transient,
      finding: isRemoved
        ? "it was removed by a process that died half way"
        : "it was only half created when its creator died",
      evidence: remnants + (isRemoved ? "state removed" : "state creating")
        + ", and nobody holds its lock",
      fix: "'shmctl doctor --fix' or 'shmctl remove \(name.name)' clears it away, "
        + "'shmctl create \(name.name)' replaces it", remedy: .clearLeftover(name))
  }

  private static func state(_ control: borrowing SharedMemory) throws -> UInt64 {
    let size = MemoryLayout<shmbus_control_header>.size
    let mapping = try Mapping(control.descriptor, byteCount: size, writable: false, populate: false)
    return unsafe SharedWord(mapping.base, at: 24).loadAcquire()
  }

  private func cannotOpen(_ error: BusError) -> Diagnosis {
    let isVersion = error.message.contains("wrong layout version")
    let evidence = error.evidence
    switch error.code {
    case .damaged:
      return Diagnosis(
        name.name, isVersion ? .layoutVersion : .damagedControl, .damaged,
        finding: isVersion
          ? "it was made by another version of ShmBus"
          : "its control segment is damaged, so it cannot be opened",
        evidence: evidence,
        fix: isVersion
          ? "use the tools of that version, or remove it with 'shmctl remove --force \(name.name)'"
          : "look at it with 'dump-shm \(name.name)', then remove it with "
            + "'shmctl remove --force \(name.name)' and create it anew")
    case .permission:
      return Diagnosis(
        name.name, .denied, .denied, finding: "you may not look at it", evidence: evidence,
        fix: "run as its owner, or ask for access")
    default:
      return Diagnosis(
        name.name, .inProgress, .transient, finding: "it cannot be opened at the moment",
        evidence: evidence, fix: "look again in a moment")
    }
  }

  // ---------------------------------------------------------------------------------- segments

  private func segmentFaults(_ bus: Bus) -> [Diagnosis] {
    var found: [Diagnosis] = []
    let created = SegmentAccess(bus.configuration).control
    if let fault = wrongAccess(name.control, created) { found.append(fault) }
    for partition in 0..<bus.partitions {
      let segment = bus.segmentName(partition)
      do throws(BusError) {
        let created = try bus.segment(partition, writable: false).access
        if let fault = wrongAccess(segment, created) { found.append(fault) }
      } catch {
        if error.code == .notFound || error.code == .unavailable && bus.isRemoved { return found }
        found.append(unusable(partition, segment, error))
      }
      // Of a file, the file system may keep fewer blocks than bytes.
      if bus.configuration.storage == nil, let hole = SegmentUsers.hole(in: segment) {
        found.append(holed(segment, hole))
      }
    }
    let expected = Set((0..<bus.partitions).map(bus.segmentName) + [name.control])
    found += segments.filter { !expected.contains($0) }.map(extra)
    return found + placementFaults(bus)
  }

  private var loss: String {
    "'shmctl remove --force \(name.name)' and create it anew: what the segment held is lost"
  }

  private func unusable(
    _ partition: Int, _ segment: String, _ error: BusError
  ) -> Diagnosis {
    if error.code == .permission {
      return Diagnosis(
        segment, .denied, .denied, finding: "you may not look at it", evidence: error.evidence,
        fix: "run as its owner, or ask for access")
    }
    if error.errno == ENOENT {
      return Diagnosis(
        segment, .missingPartition, .damaged,
        finding: "the segment of partition \(partition) is gone: somebody deleted it",
        evidence: "the control segment counts it, and there is no \(segment)",
        fix: "processes that have it open go on; for all others " + loss)
    }
    return Diagnosis(
      segment, .damagedPartition, .damaged,
      finding: "the segment of partition \(partition) is damaged, so nobody can open it",
      evidence: error.evidence, fix: "look at it with 'dump-shm \(name.name)', then " + loss)
  }

  private func holed(_ segment: String, _ bytes: Int) -> Diagnosis {
    Diagnosis(
      segment, .damagedPartition, .damaged,
      finding: "somebody truncated it and let it grow again: messages in it are gone",
      evidence: "\(bytes) of its bytes are not allocated, and a bus allocates all of them",
      fix: "look at it with 'dump-shm \(name.name)', then " + loss)
  }

  private func wrongAccess(_ segment: String, _ created: FileAccess) -> Diagnosis? {
    guard let now = try? FileAccess.of(path: SegmentLocation.path(of: segment)), now != created
    else { return nil }
    return Diagnosis(
      segment, .wrongMode, .heldUp,
      finding: "somebody changed who may open it, so that some are refused here, or let in",
      evidence: "it has \(now.text), and was created with \(created.text)",
      fix: "'shmctl doctor --fix' sets it to \(created.text)",
      remedy: .setAccess(segment: segment, created))
  }

  private func extra(_ segment: String) -> Diagnosis {
    let users = SegmentUsers.of([segment])
    return Diagnosis(
      segment, .orphan, users.isEmpty ? .transient : .heldUp,
      finding: "it is no partition of its bus",
      evidence: "bus '\(name.name)' has no partition of that number"
        + (users.isEmpty ? "" : "; mapped by \(users)"),
      fix: users.isEmpty
        ? "'shmctl doctor --fix' clears it away"
        : "end those processes, then 'shmctl doctor --fix'",
      remedy: users.isEmpty ? .clearExtra(name, segment: segment) : nil)
  }
}

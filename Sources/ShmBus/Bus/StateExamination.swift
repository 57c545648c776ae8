import Glibc

/// What is wrong with how a bus's state is kept.
struct StateExamination {
  private let bus: Bus
  private let state: BusStatus.State

  init(_ bus: Bus) {
    self.bus = bus
    state = bus.state
  }

  func diagnoses() -> [Diagnosis] {
    guard let place = bus.statePlace else { return [] }
    return [failure(place), silence(), uncovered()].compactMap(\.self) + copies(place)
  }

  private func failure(_ place: StatePlace) -> Diagnosis? {
    guard let failure = state.failure else { return nil }
    return Diagnosis(
      bus.name, .stateNotKept, .heldUp,
      finding:
        "its state cannot be written: the bus runs on, and after a loss of the host's memory it "
        + "would be as it was \(age)",
      evidence: failure,
      fix:
        "make room, make \(place.directory) writable, or mount it; the housekeeper tries again every "
        + "second or so, and 'shmctl checkpoint \(bus.name)' at once")
  }

  private var age: String {
    state.checkpointTime == 0
      ? "never written" : "\(Age.text(since: state.checkpointTime)) ago"
  }

  /// Somebody has the duty and does not do it, or nobody has it.
  private func silence() -> Diagnosis? {
    let patience = max(10_000_000_000, state.every &* 3)
    guard state.failure == nil, Age.nanoseconds(since: state.checkpointTime) > patience
    else { return nil }
    if let keeper = state.keeper {
      return Diagnosis(
        bus.name, .stateNotKept, .heldUp,
        finding:
          "its housekeeper lives and has not written a checkpoint: it is stopped, or its disk "
          + "stalls",
        evidence: "pid \(keeper) holds the duty; the last checkpoint was written \(age)",
        fix:
          "let it go on ('kill -CONT \(keeper)') or end it: another process takes over within a second"
      )
    }
    return Diagnosis(
      bus.name, .noKeeper, .notice, finding: "nobody keeps house",
      evidence: "the last checkpoint was written \(age)",
      fix:
        "nothing, while nobody uses it; else run 'shmctl keeper \(bus.name)', or open it in a process "
        + "that may write the state directory and does not decline")
  }

  private func uncovered() -> Diagnosis? {
    guard !state.uncovered.isEmpty else { return nil }
    let list = state.uncovered.map(String.init).joined(separator: ", ")
    return Diagnosis(
      bus.name, .stateNotKept, .heldUp,
      finding:
        "offsets are handed out that no checkpoint covers: after a loss of the host's memory now "
        + "they could be handed out again",
      evidence: "the ceiling of partition \(list) is above that of the checkpoint",
      fix: "'shmctl checkpoint \(bus.name)', or what the other findings say of its state")
  }

  private func copies(_ place: StatePlace) -> [Diagnosis] {
    CheckpointFiles.names.compactMap { name in
      let path = place.path + "/" + name
      do throws(SegmentError) {
        let inspector = CheckpointInspector(try Segment(path: path))
        guard let finding = inspector.log.findings.first, isStillDamaged(path) else { return nil }
        return Diagnosis(
          path, .damagedCheckpoint, .transient,
          finding: "one of the two copies of its checkpoint is damaged",
          evidence: finding.description,
          fix: "the next checkpoint writes it anew: 'shmctl checkpoint \(bus.name)'")
      } catch {
        guard error.code == ENOENT, state.checkpointTime != 0 else { return nil }
        return Diagnosis(
          path, .damagedCheckpoint, .transient,
          finding: "one of the two copies of its checkpoint is gone", evidence: "\(error)",
          fix: "the next checkpoint writes it anew: 'shmctl checkpoint \(bus.name)'")
      }
    }
  }

  /// The housekeeper may be writing it at this moment.
  private func isStillDamaged(_ path: String) -> Bool {
    for _ in 0..<20 {
      usleep(5_000)
      guard let segment = try? Segment(path: path) else { return false }
      if CheckpointInspector(segment).isWhole { return false }
    }
    return true
  }
}

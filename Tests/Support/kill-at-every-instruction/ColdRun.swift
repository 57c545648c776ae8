import Glibc
import ShmBus
import TestSupport

/// Long operations: a kill at every system call, and recovery on every distinct memory image, which
/// is what a kill leaves between two instructions that change nothing.
struct ColdRun {
  /// What lies under the bus's names.
  struct Image: Equatable {
    var segments = Segments.Image()
    /// The files of its state, if it has any.
    var files: StateFolder.Files = []
  }

  let run: Run
  let schedule: Schedule
  private(set) var tally: Tally
  private var last = Image()

  init(_ scenario: Scenario, _ way: String, _ schedule: Schedule) throws {
    run = try Run(scenario)
    self.schedule = schedule
    tally = Tally(scenario: scenario.name, way: way)
  }

  /// Every distinct image, from one pass.
  mutating func images() throws {
    try run.reset()
    let (victim, line) = try start()
    defer { line.close() }
    var watch = Watch(run)
    var images = [now]
    // Ends: with the operation.
    while try victim.step() == .trapped {
      tally.instructions += 1
      if watch.hasChanged() { images.append(now) }
    }
    try victim.kill()
    last = now
    for (number, image) in images.enumerated() where number % schedule.stride == 0 {
      try image.segments.write(run.segments.bus)
      try run.state?.write(image.files)
      look("image \(number)")
      if schedule.isOver || tally.violations >= schedule.most {
        tally.isCut = number + 1 < images.count
        return
      }
    }
  }

  /// A kill at the entry and at the exit of every system call.
  mutating func systemCalls() throws {
    var point = 0
    // Ends: with the operation.
    while true {
      try run.reset()
      let (victim, line) = try start()
      defer { line.close() }
      var isOver = false
      for _ in 0...point where !isOver {
        // The last mark is a system call of its own, and its entry is the end.
        isOver = try victim.goToSystemCall() != .atSystemCall
      }
      try victim.kill()
      if isOver {
        last = now
        look("the end")
        return
      }
      tally.instructions += 1
      look("stop \(point) at system calls")
      if schedule.isOver || tally.violations >= schedule.most {
        tally.isCut = true
        return
      }
      point += schedule.stride
    }
  }

  private var now: Image {
    Image(segments: .read(run.segments.bus), files: run.state?.read() ?? [])
  }

  private func start() throws -> (Tracee, Line) {
    let (own, other) = try Line.pair()
    defer { other.close() }
    let victim = try Cast.start(run.scenario.play, on: run.segments.bus, other)
    guard try victim.runToMark() == .began else {
      try? victim.kill()
      throw Cast.failure(of: own)
    }
    return (victim, own)
  }

  /// Whether somebody new can use what is there, or replace it.
  private mutating func look(_ place: String) {
    do {
      let (now, run) = (now, run)
      let whole = run.state?.whole ?? 0
      let part = try Part { line in
        try Newcomer(run).play(line)
      }
      let found = try part.hear()
      try part.join()
      let outcome: Outcome
      switch (run.scenario.name, found) {
      case ("create", "usable"), ("restore", "usable"), ("remove", "gone"): outcome = .done
      case ("create", "gone"), ("restore", "gone"), ("remove", "usable"): outcome = .never
      case (_, "usable") where run.state != nil:
        outcome = now.files == run.kept ? .never : whole == 2 ? .done : .padding
      case (_, "usable"): outcome = now.segments == run.start ? .never : .done
      default: outcome = .padding
      }
      tally.count(outcome)
    } catch { tally.note("\(place): \(error)") }
  }
}

/// Opens the bus, or creates it anew where it is gone or half made; then uses it.
private struct Newcomer {
  let run: Run
  init(_ run: Run) { self.run = run }

  func play(_ line: Line) throws {
    let name = run.segments.bus
    if let state = run.state, run.scenario.hasCheckpoint {
      try state.checkRestore(above: 199, identity: run.identity)
    }
    let found = try state(of: name)
    if found != "usable" { try bringBack(name) }
    let segments = try Segments(of: name)
    let (own, other) = try Line.pair()
    let early = found == "usable" && run.scenario.busExists ? run.early : nil
    if let plan = run.scenario.group {
      try GroupSurvivor.newcomer(segments, plan, other)
    } else {
      try Survivor.newcomer(segments, early: early, other)
    }
    let verdict = try own.hear()
    guard verdict.hasPrefix("ok ") else { throw Violation(verdict) }
    if let state = run.state {
      try Bus.open(name, keepsHouse: false).checkpoint()
      try state.checkRestore(above: segments.cursor - 1, identity: run.identity)
      guard state.whole == 2 else { throw Violation("a copy of the checkpoint is not mended") }
    }
    line.say(found)
  }

  /// As whoever comes next does: makes it anew, or opens it, which restores it.
  private func bringBack(_ name: String) throws {
    guard let state = run.state else {
      _ = try Bus.create(name, Run.configuration())
      return
    }
    unsafe _ = setenv("SHMBUS_DIR", state.directory, 1)
    _ = try Bus.open(name, keepsHouse: false)
  }

  private func state(of name: String) throws -> String {
    do {
      _ = try Bus.open(name)
      return "usable"
    } catch {
      switch error.code {
      case .notFound: return "gone"
      // Half created, or removed and still named.
      case .tryAgain, .unavailable: return "half"
      default: throw error
      }
    }
  }
}

extension Segments.Image {
  static func read(_ bus: String) -> Self {
    Self(control: bytes(Segments.path(bus, "control")), partition: bytes(Segments.path(bus, "p0")))
  }

  private static func bytes(_ path: String) -> [UInt8]? { (try? Mapped(path))?.bytes }

  /// Makes new objects of it.
  func write(_ bus: String) throws {
    for (segment, bytes) in [("control", control), ("p0", partition)] {
      let path = Segments.path(bus, segment)
      _ = unsafe unlink(path)
      guard let bytes else { continue }
      let file = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw Violation("cannot create \(path): errno \(errno)") }
      defer { close(file) }
      guard unsafe Glibc.write(file, bytes, bytes.count) == bytes.count else {
        throw Violation("cannot write \(path): errno \(errno)")
      }
    }
  }
}

/// Notices when anything under the bus's names changes, or in its state directory: which object it is, its length, its bytes.
private struct Watch {
  private var sides: [Side]

  init(_ run: Run) {
    let segments = ["control", "p0"].map { Segments.path(run.segments.bus, $0) }
    sides = (segments + (run.state?.paths ?? [])).map { Side($0) }
  }

  mutating func hasChanged() -> Bool {
    var changed = false
    for place in sides.indices where sides[place].hasChanged() { changed = true }
    return changed
  }

  private struct Side {
    let path: String
    var status = stat()
    var mapped: Mapped?
    var bytes: [UInt8]?

    init(_ path: String) {
      self.path = path
      _ = hasChanged()
    }

    mutating func hasChanged() -> Bool {
      var now = stat()
      if unsafe stat(path, &now) != 0 { now = stat() }
      if now.st_ino == status.st_ino, now.st_size == status.st_size {
        guard let mapped, mapped.differs(from: bytes) else { return false }
        bytes = mapped.bytes
        return true
      }
      status = now
      mapped = now.st_size > 0 ? try? Mapped(path) : nil
      bytes = mapped?.bytes
      return true
    }
  }
}

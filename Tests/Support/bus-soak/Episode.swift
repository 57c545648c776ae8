import Glibc
import ShmBus
import TestSupport
import ToolSupport

/// One episode: buses, the processes on them, what befalls those, and the account at the end.
final class Episode {
  let plan: EpisodePlan
  let directory: String
  var tally = Tally()
  var faults: [String] = []
  var seed: Seed
  let buses: [Bus]
  var members: [Member] = []
  /// When an empty place is filled again.
  private var vacancies: [(place: Int, part: Member.Part, due: UInt64)] = []

  init(_ plan: EpisodePlan, directory: String) throws {
    self.plan = plan
    seed = plan.seed
    self.directory = "\(directory)/soak-\(getpid())-\(plan.number)"
    unsafe mkdir(self.directory, 0o700)
    buses = try plan.buses.map { try Bus.create(TestSpace.busName("soak"), $0.configuration) }
  }

  func run() throws {
    for (place, bus) in plan.buses.enumerated() {
      for _ in 0..<bus.publishers { vacancies.append((place, .publisher, 0)) }
      for role in bus.readers { vacancies.append((place, .reader(role), 0)) }
    }
    let end = monotonicNanoseconds() + UInt64(plan.seconds * 1e9)
    var next: UInt64 = 0
    while monotonicNanoseconds() < end, faults.isEmpty, !Interrupt.isPending {
      try attend()
      if monotonicNanoseconds() >= next {
        try strike()
        next = monotonicNanoseconds() + seed.next() % (plan.pace * 1_000_000)
      }
      _ = usleep(UInt32(seed.next() % 1_000))
    }
    vacancies = []
    if faults.isEmpty, !Interrupt.isPending { try finish() }
    for member in living { member.kill() }
    for bus in buses where !faults.isEmpty { keep(bus) }
    for bus in buses { TestSpace.clear(bus.name) }
  }

  /// Nothing was wrong: nothing is kept.
  func forget() {
    for file in fileNames(in: directory) { unsafe unlink("\(directory)/\(file)") }
    unsafe rmdir(directory)
  }

  /// The segments as they are, for dump-shm.
  private func keep(_ bus: Bus) {
    for segment in TestSpace.segments(of: bus.name) {
      let copy = try? Actor(command: ["cp", "/dev/shm/\(segment)", directory])
      copy?.wait()
    }
  }

  var living: [Member] { members.filter { !$0.isOver } }

  func living(on place: Int) -> [Member] { living.filter { $0.place == place } }

  /// Buries the dead, lets the stopped go on, and fills empty places.
  func attend() throws {
    let now = monotonicNanoseconds()
    for member in living {
      if let stop = member.stopped, stop.until <= now {
        if stop.isLast { kill(member) } else { member.goOn() }
      }
      if let fault = member.reap() { faults.append(fault) }
      if member.isOver, hasPlace(for: member) {
        let delay = seed.oneIn(3) ? 0 : seed.next() % 60_000_000
        vacancies.append((member.place, member.part, now + delay))
      }
    }
    let due = vacancies.filter { $0.due <= now }
    vacancies.removeAll { $0.due <= now }
    for vacancy in due { try start(vacancy.part, on: vacancy.place) }
  }

  /// Whether the plan wants a replacement: what came beside it does not come again.
  private func hasPlace(for member: Member) -> Bool {
    !member.isPublisher
      || living(on: member.place).count(where: \.isPublisher) < plan.buses[member.place].publishers
  }

  func start(_ part: Member.Part, on place: Int) throws {
    tally[.processes] += 1
    members.append(
      try Member(
        part, of: buses[place].name, place: place, id: members.count + 1, directory: directory,
        seed: seed.next()))
  }

  func kill(_ member: Member) {
    guard !member.isKilled else { return }
    tally[.kills] += 1
    member.kill()
  }

  func stop(_ member: Member, for length: UInt64, isLast: Bool = false) {
    tally[.stops] += 1
    member.stop(until: monotonicNanoseconds() + length, isLast: isLast)
  }

  /// Waits until none of these lives.
  func awaitEnd(of leaving: [Member], _ what: String, seconds: Double = 60) {
    let haveLeft = eventually(within: seconds) {
      if Interrupt.isPending { return true }
      for member in leaving where !member.isOver {
        if let fault = member.reap() { faults.append(fault) }
      }
      return leaving.allSatisfy(\.isOver)
    }
    guard !haveLeft else { return }
    for member in leaving where !member.isOver {
      faults.append("\(member.name) did not \(what) within \(seconds) s")
    }
  }
}

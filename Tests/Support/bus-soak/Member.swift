import Glibc
import TestSupport

/// One process on a bus, from its start to its end, and its diary.
final class Member {
  enum Part: Equatable {
    case publisher
    case reader(Watcher.Role)
  }

  let part: Part
  /// Of its bus.
  let place: Int
  let id: Int
  let diary: Diary
  let pid: pid_t
  private(set) var isOver = false
  private var actor: Actor?
  /// Whether it was killed; its end may not have been noticed yet.
  private(set) var isKilled = false

  /// While it is stopped: until when, and whether it is killed then.
  private(set) var stopped: (until: UInt64, isLast: Bool)?

  init(_ part: Part, of bus: String, place: Int, id: Int, directory: String, seed: UInt64) throws {
    self.part = part
    self.place = place
    self.id = id
    let path = "\(directory)/\(part == .publisher ? "publisher" : "reader")-\(id)"
    diary = try Diary(path: path, entries: part == .publisher ? 60_000 : 200_000)
    let common = ["bus=\(bus)", "diary=\(path)", "seed=\(seed)"]
    let actor =
      switch part {
      case .publisher: try Actor(["play", "id=\(id)"] + common)
      case .reader(let role): try Actor(["watch", "role=\(role.rawValue)"] + common)
      }
    self.actor = actor
    pid = actor.pid
  }

  var isPublisher: Bool { part == .publisher }

  var name: String {
    switch part {
    case .publisher: "publisher \(id) (pid \(pid))"
    case .reader(let role): "\(role.rawValue) \(id) (pid \(pid))"
    }
  }

  func kill() {
    isKilled = true
    actor?.kill()
  }

  func stop(until: UInt64, isLast: Bool) {
    actor?.kill(SIGSTOP)
    stopped = (until, isLast)
  }

  func goOn() {
    stopped = nil
    actor?.kill(SIGCONT)
  }

  /// Notes its end if it has come; what was wrong with it then.
  func reap() -> String? {
    guard let actor, let code = actor.ending else { return nil }
    isOver = true
    stopped = nil
    defer { self.actor = nil }
    if code == 0 || (isKilled && code == -SIGKILL) { return nil }
    let words = (try? actor.rest(within: 1)) ?? []
    return "\(name) ended with \(code): \(words.joined(separator: " / "))"
  }
}

import Glibc
import ShmBus
import TestSupport

/// Rounds of a vandal among others.
final class Assault {
  private let seed: Seed
  private let seconds: Int
  private let rights: [Rights]
  private let only: Int?
  private let isTalkative: Bool
  private var faults: [String] = []
  private var tools = 0
  private var deeds = 0

  struct Misuse: Error, CustomStringConvertible {
    let description: String
  }

  /// Refuses words that would be passed over: what is misspelt is another assault than the one meant.
  static func check(_ words: Words) throws(Misuse) {
    let known = ["--round", "--rights", "--seconds", "--seed", "--talk"]
    if let name = words.names.first(where: { !known.contains($0) }) {
      throw Misuse(description: "'\(name)' is none of \(known.joined(separator: ", "))")
    }
    let rights = words.text("rights")
    guard rights.isEmpty || Rights(rawValue: rights) != nil else {
      throw Misuse(description: "--rights is subscriber or publisher, not '\(rights)'")
    }
    for name in ["round", "seconds", "seed"] {
      let text = words.text(name)
      guard text.isEmpty || UInt64(text) != nil else {
        throw Misuse(description: "--\(name) is a number, not '\(text)'")
      }
    }
  }

  init(_ words: Words) {
    seed = Seed(words.seed())
    seconds = words.number("seconds", 60)
    rights = Rights(rawValue: words.text("rights")).map { [$0] } ?? Rights.allCases
    only = words.text("round").isEmpty ? nil : words.number("round")
    if let guarding = unsafe getenv("SHMBUS_GUARD") { unsafe setenv("LD_PRELOAD", guarding, 1) }
    isTalkative = words.text("talk") == "yes"
    // A crash ends the process at once, and is told by its signal.
    unsafe setenv("SWIFT_BACKTRACE", "enable=no", 0)
  }

  func run() throws -> Int32 {
    say("assault: seed \(seed.value), \(seconds) s")
    let end = monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000
    var number = only ?? 0
    repeat {
      let rights = rights[number % rights.count]
      try round(number, rights, seconds: max(2, min(seconds / self.rights.count, 8)))
      guard faults.isEmpty else {
        say("WRONG: seed \(seed.value), round \(number), a \(rights.rawValue)'s rights")
        for fault in faults { say("  \(fault)") }
        say("  again: --rights \(rights.rawValue) --seed \(seed.value) --round \(number)")
        return 1
      }
      number += 1
    } while only == nil && monotonicNanoseconds() + 1_000_000_000 < end
    let rounds = number - (only ?? 0)
    say("clean: seed \(seed.value), \(rounds) rounds, \(deeds) deeds, \(tools) tools run")
    return 0
  }

  private func round(_ number: Int, _ rights: Rights, seconds: Int) throws {
    var seed = seed.branch(UInt64(number))
    let bus = TestSpace.busName("hostile")
    defer { TestSpace.clear(bus) }
    let partitions = Int.random(in: 1...3, using: &seed)
    // Nobody keeps it open here: this process must not be the one that falls.
    _ = try Bus.create(
      bus,
      BusConfiguration(
        partitions: partitions, maxPartitions: 4, slots: 256, slotSize: 64,
        whenFull: seed.oneIn(4) ? .overwrite : .block, maxPublishers: 16, maxSubscribers: 16,
        maxGroups: 6, maxProducers: 4, claimTimeout: .milliseconds(100), indexSpacing: 8,
        checksum: seed.oneIn(3)))
    var others: [(name: String, actor: Actor)] = []
    for role in Endurer.Role.allCases {
      let count = role == .publisher || role == .member ? 2 : 1
      for place in 0..<count {
        let actor = try start(
          "endure",
          [
            "--bus", bus, "--role", role.rawValue, "--seconds", "\(seconds)",
            "--seed", "\(seed.next())",
          ])
        others.append(("\(role.rawValue) \(place)", actor))
      }
    }
    for (name, actor) in others { try hear("ready", from: actor, name, within: 30) }
    let segments = TestSpace.segments(of: bus)
    let prefix = segments.first.map { $0.split(separator: ".").dropLast().joined(separator: ".") }
    let vandal = try start(
      "vandal",
      [
        "--prefix", prefix ?? "", "--rights", rights.rawValue, "--seconds", "\(seconds)",
        "--partitions", "\(partitions)", "--seed", "\(seed.next())",
      ])
    try hear("ready", from: vandal, "vandal", within: 30)
    try useTools(on: bus, until: monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000, &seed)
    if let line = try hear("done", from: vandal, "vandal", within: 60) {
      deeds += line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }
    for (name, actor) in others {
      let line = try hear("done", from: actor, name, within: 60)
      if isTalkative { say("  \(name): \(line ?? "nothing")") }
      let ending = actor.ending ?? actor.wait()
      if ending != 0 { faults.append("\(name) ended with \(ending)") }
    }
    try aftermath(bus)
  }

  /// Whatever is left can be looked at, and made anew.
  private func aftermath(_ bus: String) throws {
    try tool(["dump-shm", bus])
    try tool(["shmctl", "doctor", bus])
    try tool(["shmctl", "remove", "--force", bus])
    do { _ = try Bus.create(bus, BusConfiguration(slots: 64, slotSize: 64)) } catch {
      faults.append("it could not be made anew: \(error)")
    }
    try tool(["shmctl", "remove", bus], expecting: 0)
  }

  // ------------------------------------------------------------------------------------- processes

  private func start(_ part: String, _ arguments: [String]) throws -> Actor {
    try Actor(command: [Actor.program("bus-hostile"), part] + arguments)
  }

  /// Its next line that begins so. Nothing in time is a hang; the end of its lines, a crash.
  @discardableResult
  private func hear(
    _ word: String, from actor: Actor, _ name: String, within seconds: Double
  ) throws -> String? {
    do {
      guard let line = try actor.line(within: seconds) else {
        faults.append("\(name) ended with \(actor.wait()), before it was \(word)")
        return nil
      }
      if line.hasPrefix(word) { return line }
      faults.append("\(name) said: \(line)")
    } catch {
      faults.append("\(name) hung: \(place(of: actor.pid))")
      actor.kill()
    }
    return nil
  }

  /// Where it stands, as far as the kernel tells.
  private func place(of pid: pid_t) -> String {
    "pid \(pid), in \(text(of: "/proc/\(pid)/wchan")) \(text(of: "/proc/\(pid)/syscall"))"
  }

  private func useTools(on bus: String, until end: UInt64, _ seed: inout Seed) throws {
    let commands = [
      ["shmctl", "stat", bus], ["shmctl", "stat", bus, "--json"],
      ["shmctl", "stat", bus, "--format", "openmetrics"], ["shmctl", "groups", bus],
      ["shmctl", "groups", bus, "--json"], ["shmctl", "doctor", bus],
      ["shmctl", "doctor", bus, "--json"], ["shmctl", "recover", bus], ["shmctl", "list"],
      ["shmctl", "top", bus, "--interval", "20ms", "--count", "4"],
      ["shmctl", "top", bus, "--interval", "20ms", "--count", "4", "--json"], ["dump-shm", bus],
      ["dump-shm", bus, "--json"], ["dump-shm", bus, "--verify"], ["dump-shm", bus, "--map"],
      ["dump-shm", bus, "--hex"],
      [
        "shmctl", "subscribe", bus, "--observe", "--from", "earliest", "--until-end", "--format",
        "json",
      ],
    ]
    repeat {
      try tool(commands.randomElement(using: &seed)!)
    } while monotonicNanoseconds() < end && faults.isEmpty
  }

  /// Runs one to its end; it may complain, but with a sentence and a code of its own.
  private func tool(_ words: [String], expecting: Int32? = nil) throws {
    let log = "/tmp/bus-hostile-\(getpid()).log"
    let quiet = ["/bin/sh", "-c", "exec \"$@\" >/dev/null 2>\(log)", "sh"]
    let limited = ["timeout", "-s", "ABRT", "60", Actor.program(words[0])]
    let actor = try Actor(command: quiet + limited + words.dropFirst())
    let code = actor.wait()
    tools += 1
    let isFine = expecting.map { $0 == code } ?? (code >= 0 && code < 79 && code != 70)
    if !isFine {
      faults.append("'\(words.joined(separator: " "))' ended with \(code): \(text(of: log))")
    }
    unsafe _ = unlink(log)
  }
}

import Glibc
import TestSupport
import Testing

/// A vandal among others, briefly; `scripts/hostile` lets it rage for as long as you like, on the release build.
@Suite(.serialized) struct HostileTests {
  @Test(arguments: ["subscriber", "publisher"])
  func nobodyFallsToAVandal(rights: String) throws {
    let seed = Seed.announced("hostile \(rights)")
    let assault = try Actor(
      command: [
        Actor.program("bus-hostile"), "--seconds", "5", "--seed", "\(seed.value)", "--rights",
        rights,
      ])
    let lines = try assault.rest(within: 240)
    #expect(assault.wait() == 0 && lines.last?.hasPrefix("clean") == true, "\(lines)")
  }

  @Test(arguments: [
    ["--rounds", "3"], ["--rights", "nobody"], ["--seed", "0x7"], ["quick"],
  ])
  func whatIsMisspeltIsRefused(words: [String]) throws {
    let assault = try Actor(command: [Actor.program("bus-hostile")] + words)
    let lines = try assault.rest()
    #expect(assault.wait() == 64 && lines.count == 1, "\(lines)")
  }

  /// A fault is told, with the words that repeat its round. Here no tool can be started.
  @Test func aFaultNamesItsRound() throws {
    let assault = try Actor(
      command: [
        "env", "PATH=/nonexistent", Actor.program("bus-hostile"), "--seconds", "2", "--seed", "7",
        "--rights", "publisher",
      ])
    let lines = try assault.rest(within: 240)
    #expect(assault.wait() == 1, "\(lines)")
    #expect(
      lines.last == "  again: --rights publisher --seed 7 --round 0", "\(lines)")
  }
}

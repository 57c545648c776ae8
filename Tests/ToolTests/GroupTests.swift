import TestSupport
import Testing
import ToolSupport

/// Groups from the command line, with members that are processes.
struct GroupTests {
  let space = Space()

  private func create(_ words: String...) {
    #expect(Run(space, [Run.tool, "create", "bus"] + words, input: nil).code == 0)
  }

  @Test func membersShareTheMessages() throws {
    create("--partitions", "4", "--slots", "256", "--slot-size", "64")
    let members = (0..<2).map { _ in
      space.start("subscribe", "bus", "-g", "work", "--until-closed")
    }
    #expect(try eventually { try space.shares("work") == [2, 2] })
    space.publishNumbers(0..<200)
    #expect(members.allSatisfy { $0.code == 0 && $0.errors.isEmpty })
    #expect(members.allSatisfy { !$0.numbers.isEmpty })
    #expect(members.flatMap(\.numbers).sorted() == Array(0..<200))
    #expect(try space.sum("lag", of: "work") == 0)
    #expect(try space.shares("work") == [])
  }

  @Test func whatWasWrittenIsDoneAndTheRestComesNext() throws {
    create()
    space.shmctl("subscribe", "bus", "-g", "work", "--until-end")
    space.publishNumbers(0..<30)
    #expect(space.shmctl("subscribe", "bus", "-g", "work", "--count", "10").numbers.count == 10)
    #expect(try space.sum("lag", of: "work") == 20)
    // --from is for a group that is new.
    let rest = space.shmctl(
      "subscribe", "bus", "-g", "work", "--from", "earliest", "--until-end")
    #expect(rest.numbers == Array(10..<30))
  }

  @Test func aNewGroupBeginsWhereItIsTold() throws {
    create()
    space.publishNumbers(0..<10)
    for (place, first) in [("earliest", 0), ("latest", 10), ("offset:4", 4), ("-3", 7), ("+2", 2)] {
      let name = "from-\(first)"
      let run = space.shmctl("subscribe", "bus", "-g", name, "--from=\(place)", "--until-end")
      #expect(run.code == 0)
      #expect(run.numbers == Array(first..<10), "--from \(place)")
    }
    let past = space.shmctl("subscribe", "bus", "-g", "hour", "--from", "time:-1h", "--until-end")
    #expect(past.numbers == Array(0..<10))
    let future = space.shmctl(
      "subscribe", "bus", "-g", "far", "--from", "time:2100-01-01", "--until-end")
    #expect(future.numbers.isEmpty)
  }

  @Test func withoutCommitsTheHeadsStay() throws {
    create()
    space.publishNumbers(0..<10)
    for _ in 0..<2 {
      let run = space.shmctl(
        "subscribe", "bus", "-g", "work", "--from", "earliest", "--commit", "none", "--count", "10")
      #expect(run.numbers == Array(0..<10))
    }
    #expect(try space.sum("lag", of: "work") == 10)
  }

  @Test func aKilledMembersWorkIsDoneByTheOther() throws {
    create("--partitions", "2", "--slots", "256", "--slot-size", "64")
    let victim = space.start("subscribe", "bus", "-g", "work")
    let heir = space.start("subscribe", "bus", "-g", "work")
    #expect(try eventually { try space.shares("work") == [1, 1] })
    space.publishNumbers(0..<100)
    #expect(eventually { victim.lines.count + heir.lines.count == 100 })
    victim.signal(9)
    #expect(victim.code == -9)
    space.publishNumbers(100..<200)
    #expect(try eventually { try space.sum("lag", of: "work") == 0 })
    heir.signal(2)
    #expect(heir.code == 130)
    // At least once: what the victim had written and not committed comes again.
    #expect(Set(victim.numbers + heir.numbers) == Set(0..<200))
    #expect(Set(heir.numbers).isSuperset(of: 100..<200))
    #expect(try space.shares("work") == [])
  }

  @Test func aSignalLosesAndRepeatsNothing() throws {
    create("--slots", "64", "--slot-size", "64")
    let first = space.start("subscribe", "bus", "-g", "work")
    #expect(try eventually { try space.shares("work") == [1] })
    space.publishNumbers(0..<20)
    #expect(eventually { first.lines.count == 20 })
    first.signal(15)
    #expect(first.code == 143)
    space.publishNumbers(20..<40)
    let second = space.shmctl("subscribe", "bus", "-g", "work", "--until-end")
    #expect(first.numbers == Array(0..<20))
    #expect(second.numbers == Array(20..<40))
  }

  @Test func aBroadcastReachesEveryNameAndRemembersIt() throws {
    create("--partitions", "2")
    func member(_ name: String) -> Run {
      space.shmctl(
        "subscribe", "bus", "-g", "all", "--assignor", "broadcast", "--member", name, "--from",
        "earliest", "--until-end")
    }
    space.publishNumbers(0..<10)
    #expect(member("left").numbers.sorted() == Array(0..<10))
    space.publishNumbers(10..<20)
    #expect(member("left").numbers.sorted() == Array(10..<20))
    #expect(member("right").numbers.sorted() == Array(0..<20))
    #expect(Set(try space.groups().keys) == ["all", "all/left", "all/right"])
    #expect(space.shmctl("group", "reset", "bus", "all", "--to", "earliest").code == 64)
    let reset = space.shmctl("group", "reset", "bus", "all", "--to", "earliest", "--member", "left")
    #expect(reset.code == 0)
    #expect(member("left").numbers.count == 20)
    #expect(member("right").numbers.isEmpty)
    #expect(space.shmctl("groups", "bus").output.contains("all/right: ordered, broadcast"))
    #expect(space.shmctl("group", "delete", "bus", "all").code == 0)
    #expect(try space.groups().isEmpty)
  }

  @Test func membersMustAgreeOnTheAssignor() {
    create()
    space.shmctl("subscribe", "bus", "-g", "work", "--assignor", "range", "--until-end")
    let run = space.shmctl("subscribe", "bus", "-g", "work", "--until-end")
    #expect(run.code == 64)
    #expect(run.errors.contains("'range'"))
  }

  @Test func whoHasNoPartitionIsTold() throws {
    create()
    let owner = space.start("subscribe", "bus", "-g", "work")
    #expect(try eventually { try space.shares("work") == [1] })
    let idle = space.start("subscribe", "bus", "-g", "work")
    #expect(
      eventually {
        idle.errors.contains("more members than partitions; this one waits")
          || owner.errors.contains("waits")
      })
    // It may change hands once more between the two.
    #expect(try eventually { try space.shares("work") == [0, 1] })
    #expect(eventually { space.shmctl("groups", "bus").output.contains("  idle: row ") })
  }

  @Test(arguments: [
    ["-g", "work", "-p", "0"], ["-g", "work", "--observe"], ["--commit", "none"],
    ["--assignor", "range"], ["--member", "x"], ["--max-poll-interval", "5s"], ["--non-holding"],
    ["-g", "work", "--assignor", "broadcast"], ["-g", "work", "--assignor", "fair"],
    ["-g", "no such/name"], ["-g", "work", "--from", "time:noon"],
    ["-g", "work", "--max-poll-interval", "1ms"],
  ])
  func whatCannotBeAskedOfAGroupIs64(words: [String]) throws {
    create()
    let run = Run(space, [Run.tool, "subscribe", "bus", "--until-end"] + words, input: nil)
    #expect(run.code == 64)
    #expect(run.errors.split(separator: "\n").count == 1)
    #expect(try space.groups().isEmpty)
  }
}

import TestSupport
import Testing
import ToolSupport

/// groups, group reset, group delete, alter, and groups in stat, top and dump-shm.
struct GroupAdministrationTests {
  let space = Space()

  private func create(_ words: String...) {
    #expect(Run(space, [Run.tool, "create", "bus"] + words, input: nil).code == 0)
  }

  /// A group that has done `done` of `count` messages of one partition.
  private func group(done: Int, of count: Int) {
    space.shmctl("subscribe", "bus", "-g", "work", "--until-end")
    space.publishNumbers(0..<count)
    if done > 0 { space.shmctl("subscribe", "bus", "-g", "work", "--count", "\(done)") }
  }

  private func reset(_ words: String...) -> Run {
    Run(space, [Run.tool, "group", "reset", "bus", "work"] + words, input: nil)
  }

  @Test func headsLagAndOwnersAreShown() throws {
    create("--partitions", "2", "--slots", "64", "--slot-size", "64")
    let member = space.start("subscribe", "bus", "-g", "work", "--member", "left")
    #expect(try eventually { try space.shares("work") == [2] })
    space.publishNumbers(0..<20)
    #expect(try eventually { try space.sum("head", of: "work") == 20 })
    member.stop()
    space.publishNumbers(20..<30)
    let work = try #require(try space.groups()["work"])
    #expect(work["mode"] == .string("ordered"))
    #expect(work["assignor"] == .string("sticky"))
    #expect(work["maxPollInterval"] == .integer(300_000_000_000))
    for partition in work["partitions"]?.elements ?? [] {
      #expect(partition["pid"] == .integer(Int(member.pid)))
      #expect(partition["owner"] == work["members"]?.elements.first?["row"])
    }
    #expect(try space.sum("lag", of: "work") == 10)
    #expect(try space.sum("lead", of: "work") == 20)
    let text = space.shmctl("groups", "bus")
    #expect(text.output.hasPrefix("work: ordered, sticky, 1 member, holds publishers"))
    #expect(text.output.contains("left, row "))
    #expect(text.output.split(separator: "\n").allSatisfy { $0.count <= 100 })

    let stat = space.shmctl("stat", "bus").output
    #expect(stat.contains("group work"))
    #expect(stat.contains("work: shmctl"))
    #expect(stat.split(separator: "\n").allSatisfy { $0.count <= 80 })
    let json = try JSON.reading(space.shmctl("stat", "bus", "--json").output)
    #expect(json["groups"]?.elements.first?["name"] == .string("work"))
    #expect(json["endpoints"]?.elements.first?["group"] == .string("work"))
    let top = try JSON.reading(
      space.shmctl("top", "bus", "--json", "--interval", "20ms").output)
    let shown = top["buses"]?.elements.first?["groups"]?.elements.first
    #expect(shown?["name"] == .string("work"))
    #expect(shown?["lag"] == .integer(10))
    #expect(space.shmctl("top", "bus", "--interval", "20ms").output.contains("work"))
    let dump = space.dump("bus")
    #expect(dump.code == 0)
    #expect(dump.output.contains("work                  sticky"))
    member.goOn()
  }

  @Test func aBusWithoutGroupsSaysSo() {
    create()
    #expect(space.shmctl("groups", "bus").output.contains("has no groups"))
    #expect(space.shmctl("groups", "bus", "--json").output == "{\"groups\":[]}\n")
  }

  @Test(arguments: [
    (["--to", "earliest"], 0), (["--to", "latest"], 20), (["--to", "offset:7"], 7),
    (["--to", "+4"], 14), (["--to", "-4"], 6), (["--to=-100"], 0), (["--to", "+100"], 20),
    (["--to", "offset:1000"], 20), (["--to", "time:-1h"], 0), (["--to", "time:2100-01-01"], 20),
  ])
  func headsMoveWhereTheyAreTold(words: [String], expected: Int) throws {
    create()
    group(done: 10, of: 20)
    let plan = Run(
      space, [Run.tool, "group", "reset", "bus", "work", "--dry-run"] + words, input: nil)
    #expect(plan.code == 0)
    #expect(plan.output.contains("Nothing was moved"))
    #expect(try space.sum("head", of: "work") == 10)
    let run = Run(
      space, [Run.tool, "group", "reset", "bus", "work", "--json"] + words, input: nil)
    #expect(run.code == 0)
    #expect(
      run.output
        == "{\"group\":\"work\",\"moved\":true,"
        + "\"partitions\":[{\"partition\":0,\"from\":10,\"to\":\(expected)}]}\n")
    #expect(try space.sum("head", of: "work") == expected)
    let rest = space.shmctl("subscribe", "bus", "-g", "work", "--until-end")
    #expect(rest.numbers == Array(expected..<20))
  }

  @Test func onePartitionMovesAlone() throws {
    create("--partitions", "3")
    group(done: 0, of: 60)
    space.shmctl("subscribe", "bus", "-g", "work", "--until-end")
    let run = reset("--to", "earliest", "-p", "1")
    #expect(run.code == 0 && run.lines.count == 2)
    let heads = try space.groups()["work"]?["partitions"]?.elements.map { $0["lag"]?.double ?? -1 }
    #expect(heads?[0] == 0 && heads?[2] == 0 && (heads?[1] ?? 0) > 0)
    #expect(reset("--to", "earliest", "-p", "3").code == 64)
    #expect(reset().code == 64)
    #expect(reset("--to", "noon").code == 64)
    #expect(space.shmctl("group", "reset", "bus", "none", "--to", "latest").code == 66)
  }

  @Test func aMemberAtWorkGoesOnFromTheNewPlace() throws {
    create()
    let member = space.start("subscribe", "bus", "-g", "work")
    #expect(try eventually { try space.shares("work") == [1] })
    space.publishNumbers(0..<10)
    #expect(eventually { member.numbers == Array(0..<10) })
    #expect(try eventually { try space.sum("lag", of: "work") == 0 })
    #expect(reset("--to", "offset:5").code == 0)
    #expect(eventually { member.numbers == Array(0..<10) + Array(5..<10) })
    #expect(try eventually { try space.sum("lag", of: "work") == 0 })
    member.signal(2)
    #expect(member.code == 130)
  }

  @Test(arguments: [["reset", "--to", "latest"], ["delete"]])
  func aGroupThatHoldsPublishersIsNamedAndLetsGo(action: [String]) throws {
    create("--slots", "64", "--slot-size", "64")
    group(done: 0, of: 60)
    let lines = (0..<40).map { "\($0)\n" }.joined()
    let input = space.write(Array(lines.utf8), to: "lines")
    let refused = space.shmctl("publish", "bus", "--file", input, "--timeout", "50ms")
    #expect(refused.code == 75)
    #expect(refused.errors.contains("work"))
    #expect(space.shmctl("stat", "bus").output.contains("group work"))
    let doctor = space.shmctl("doctor", "bus")
    #expect(doctor.code == 69)
    #expect(doctor.output.contains("must wait for group 'work'"))
    #expect(doctor.output.contains("none of its 0 members owns the partition"))
    let held = space.start("publish", "bus", "--file", input)
    #expect(eventually { space.has("publisher", on: "bus") })
    let words = ["group", action[0], "bus", "work"] + action.dropFirst()
    #expect(Run(space, [Run.tool] + words, input: nil).code == 0)
    #expect(held.code == 0)
  }

  @Test func aGroupThatHoldsNobodyMissesMessages() throws {
    create("--slots", "64", "--slot-size", "64")
    space.shmctl("subscribe", "bus", "-g", "work", "--non-holding", "--until-end")
    space.publishNumbers(0..<200)
    #expect(space.shmctl("groups", "bus").output.contains("holds nobody"))
    let run = space.shmctl("subscribe", "bus", "-g", "work", "--until-end", "--format", "json")
    #expect(run.code == 0)
    #expect(run.lines.first?.hasPrefix("{\"gap\":{\"partition\":0,\"from\":0,\"to\":") == true)
    #expect(run.lines.last?.hasSuffix("\"payload\":\"199\"}") == true)
  }

  @Test func aGroupInUseIsNotDeletedUnlessForced() throws {
    create()
    let member = space.start("subscribe", "bus", "-g", "work")
    #expect(try eventually { try space.shares("work") == [1] })
    let refused = space.shmctl("group", "delete", "bus", "work")
    #expect(refused.code == 69)
    #expect(refused.errors.contains("pid \(member.pid)"))
    #expect(space.shmctl("group", "delete", "bus", "work", "--force").code == 0)
    #expect(member.code == 69)
    #expect(member.errors.contains("the group has been deleted"))
    #expect(space.shmctl("group", "delete", "bus", "work").code == 66)
  }

  @Test func partitionsAreAddedWhileAMemberReads() throws {
    create("--max-partitions", "4", "--slots", "64", "--slot-size", "64")
    let member = space.start("subscribe", "bus", "-g", "work")
    #expect(try eventually { try space.shares("work") == [1] })
    let other = space.start("subscribe", "bus")
    #expect(try eventually { try space.endpoints("subscriber", on: "bus") == 2 })
    let grown = space.shmctl("alter", "bus", "--partitions", "4")
    #expect(grown.code == 0)
    #expect(grown.output == "Bus 'bus' has 4 partitions; it had 1.\n")
    space.publishNumbers(0..<100)
    #expect(eventually { Set(member.numbers) == Set(0..<100) })
    #expect(member.numbers.count == 100)
    #expect(eventually { Set(other.numbers) == Set(0..<100) })
    other.signal(2)
    #expect(try space.shares("work") == [4])
    let refused = space.shmctl("alter", "bus", "--partitions", "2")
    #expect(refused.code == 64)
    #expect(refused.errors.contains("only grow"))
    #expect(space.shmctl("alter", "bus", "--partitions", "5").code == 64)
    #expect(space.shmctl("alter", "none", "--partitions", "5").code == 66)
    #expect(space.shmctl("alter", "bus", "--partitions", "4").output.contains("already"))
    member.signal(2)
    #expect(member.code == 130)
  }
}

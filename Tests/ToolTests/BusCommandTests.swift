import TestSupport
import Testing

/// create, plan, list, stat and remove.
struct BusCommandTests {
  let space = Space()

  @Test func aBusComesAndGoes() {
    let created = space.shmctl("create", "orders", "--partitions", "3", "--slots", "64")
    #expect(created.code == 0)
    #expect(created.output.hasPrefix("Created bus 'orders': 3 partitions of 64 slots"))
    #expect(space.segments.count == 4)
    #expect(space.shmctl("list", "--names").output == "orders\n")
    #expect(space.shmctl("remove", "orders").code == 0)
    #expect(space.segments.isEmpty)
    #expect(space.shmctl("list", "--names").output.isEmpty)
  }

  @Test func whatIsThereIsNotCreatedAgain() {
    space.shmctl("create", "orders", "--slots", "64")
    let again = space.shmctl("create", "orders")
    #expect(again.code == 73)
    #expect(again.errors.hasPrefix("shmctl: bus 'orders' exists already"))
  }

  @Test(arguments: [
    ["stat", "none"], ["publish", "none"], ["subscribe", "none"], ["remove", "none"],
  ])
  func aBusThatIsNotThereIs66(words: [String]) {
    let run = Run(space, [Run.tool] + words, input: nil)
    #expect(run.code == 66)
    #expect(run.errors.contains("there is no bus 'none'"))
    #expect(run.errors.split(separator: "\n").count == 1)
  }

  @Test(arguments: [
    ["create", "no such/name"], ["create", "x", "--slots", "100"],
    ["create", "x", "--slot-size", "65"], ["create", "x", "--mode", "999"],
    ["create", "x", "--when-full", "wait"], ["plan", "--partitions", "0"],
    ["create", "x", "--partitions", "4", "--max-partitions", "2"],
    ["create", "x", "--claim-timeout", "0s"], ["create"], ["subscribe", "x", "--count", "0"],
    ["subscribe", "x", "--from", "yesterday"], ["subscribe", "x", "--until-end", "--until-closed"],
    ["subscribe", "x", "--format", "raw", "--null"], ["publish", "x", "--null", "--json"],
    ["publish", "x", "--block", "0"], ["publish", "x", "--key-separator", "::"],
    ["bench", "throughput", "--slots", "1500"], ["bench", "latency", "--batch", "2"],
    ["bench", "latency", "--rounds", "200", "--seconds", "1"],
    ["bench", "fanout", "--rounds", "9"],
    ["bench", "wakeup", "--publishers", "2"], ["bench", "recovery", "--size", "64"],
    ["bench", "throughput", "--advise", "1000", "--svg", "x.svg"],
    ["bench", "setup", "--partitions", "2"],
  ])
  func whatCannotBeIs64(words: [String]) {
    let run = Run(space, [Run.tool] + words, input: nil)
    #expect(run.code == 64)
    #expect(run.errors.hasPrefix("shmctl: "))
    #expect(run.errors.split(separator: "\n").count == 1)
    #expect(space.segments.isEmpty)
  }

  @Test func theModeIsWhatWasAskedFor() {
    space.shmctl("create", "orders", "--slots", "64", "--mode", "0640")
    let modes = space.bash("umask 077; stat -c %a /dev/shm/shmbus-\(space.namespace).*").lines
    #expect(modes == ["640", "640"])
  }

  @Test func everyOptionOfCreateArrives() {
    let created = space.shmctl(
      "create", "orders", "--partitions", "2", "--max-partitions", "5", "--slots", "128",
      "--slot-size", "64", "--when-full", "overwrite", "--claim-timeout", "250ms",
      "--index-spacing", "32", "--checksum", "--prefault", "--max-publishers", "3",
      "--max-subscribers", "4", "--max-groups", "5", "--max-producers", "6", "--json")
    #expect(created.code == 0)
    let configuration = """
      "configuration":{"partitions":2,"maxPartitions":5,"slots":128,"slotSize":64,\
      "whenFull":"overwrite","mode":"0600","maxPublishers":3,"maxSubscribers":4,"maxGroups":5,\
      "maxProducers":6,"claimTimeout":250000000,"indexSpacing":32,"checksum":true,"prefault":true,\
      "hugePages":false,"numa":"none",
      """
    #expect(created.output.contains(configuration))
    #expect(space.shmctl("stat", "orders", "--json").output.contains(configuration))
  }

  @Test func aPlanIsWhatCreationTakes() {
    let options = ["--partitions", "2", "--slots", "256", "--slot-size", "128"]
    let plan = Run(space, [Run.tool, "plan", "--json"] + options, input: nil)
    #expect(plan.code == 0)
    #expect(space.segments.isEmpty)
    let created = Run(space, [Run.tool, "create", "orders"] + options, input: nil)
    #expect(created.code == 0)
    let sizes = space.bash("cat /dev/shm/shmbus-\(space.namespace).* | wc -c").output
    let bytes = sizes.filter(\.isNumber)
    #expect(plan.output.contains("\"totalBytes\":\(bytes),"))
  }

  @Test func statShowsWhoIsThere() {
    space.shmctl("create", "orders", "--slots", "64")
    let subscriber = space.start("subscribe", "orders")
    let observer = space.start("subscribe", "orders", "--observe")
    #expect(eventually { space.has("subscriber", on: "orders") })
    #expect(eventually { space.has("observer", on: "orders") })
    let stat = space.shmctl("stat", "orders", "--json").output
    #expect(stat.hasPrefix("{\"name\":\"orders\","))
    #expect(
      stat.contains(
        "\"partitions\":[{\"partition\":0,\"cursor\":0,\"oldest\":0,\"start\":0,\"capacity\":64,"))
    #expect(stat.contains("\"pid\":\(subscriber.pid),\"state\":\"alive\",\"group\":null"))
    #expect(stat.contains("\"pid\":\(observer.pid),\"state\":\"alive\",\"group\":null"))
    let table = space.shmctl("stat", "orders").output
    #expect(table.contains("\(subscriber.pid)"))
    #expect(table.split(separator: "\n").allSatisfy { $0.count <= 80 })
    subscriber.signal(9)
    #expect(subscriber.code == -9)
    #expect(space.shmctl("stat", "orders", "--json").output.contains("\"state\":\"dead\""))
  }

  @Test func whatIsUsedIsNotRemovedUnlessForced() {
    space.shmctl("create", "orders", "--slots", "64")
    let subscriber = space.start("subscribe", "orders")
    #expect(eventually { space.has("subscriber", on: "orders") })
    let refused = space.shmctl("remove", "orders")
    #expect(refused.code == 69)
    #expect(refused.errors.contains("pid \(subscriber.pid)"))
    #expect(space.shmctl("remove", "orders", "--force").code == 0)
    #expect(space.segments.isEmpty)
    #expect(subscriber.code == 69)
    #expect(subscriber.errors == "shmctl: the bus has been removed\n")
  }

  @Test func theListTellsOfADamagedBus() {
    space.shmctl("create", "good", "--slots", "64")
    space.shmctl("create", "bad", "--slots", "64")
    #expect(
      space.bash(
        "printf 'XXXX' | dd of=/dev/shm/shmbus-\(space.namespace).bad.control conv=notrunc 2>/dev/null"
      ).code == 0)
    let list = space.shmctl("list")
    #expect(list.code == 0)
    #expect(list.output.contains("wrong magic"))
    #expect(list.output.contains("good"))
    let json = space.shmctl("list", "--json").output
    #expect(json.contains("{\"name\":\"bad\",\"error\":"))
    #expect(json.contains("{\"name\":\"good\",\"partitions\":1,"))
    #expect(space.shmctl("stat", "bad").code == 65)
    #expect(space.shmctl("remove", "bad", "--force").code == 0)
  }
}

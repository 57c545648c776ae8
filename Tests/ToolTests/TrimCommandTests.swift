import TestSupport
import Testing
import ToolSupport

/// trim, with readers that are processes of their own.
struct TrimCommandTests {
  let space = Space()

  private func numbers(_ range: Range<Int>) -> String { range.map { "\($0)\n" }.joined() }

  private func publish(_ range: Range<Int>) {
    #expect(space.shmctl("publish", "bus", input: Array(numbers(range).utf8)).code == 0)
  }

  @Test func aReaderThatWasStoppedIsTold() throws {
    #expect(space.shmctl("create", "bus", "--slots", "64", "--slot-size", "64").code == 0)
    let reader = space.start(
      "subscribe", "bus", "-g", "work", "--format", "json", "--count", "20")
    #expect(try eventually { try space.endpoints("subscriber", on: "bus") == 1 })
    publish(0..<10)
    #expect(try eventually { try space.sum("head", of: "work") == 10 })
    reader.stop()
    publish(10..<40)
    let trim = space.shmctl("trim", "bus", "--before", "offset:30", "--json")
    #expect(trim.code == 0)
    let moved = try JSON.reading(trim.output)["partitions"]?.elements.first
    #expect(moved?["from"] == .integer(0))
    #expect(moved?["to"] == .integer(30))
    #expect(moved?["groupsBehind"]?.elements == [.string("work")])
    let status = try JSON.reading(space.shmctl("stat", "bus", "--json").output)
    let partition = status["partitions"]?.elements.first
    #expect(partition?["start"] == .integer(30))
    #expect(partition?["oldest"] == .integer(30))
    #expect(try space.sum("lag", of: "work") == 10)
    reader.goOn()
    #expect(reader.code == 0)
    let gap = "{\"gap\":{\"partition\":0,\"from\":10,\"to\":30,\"cause\":\"trimmed\"}}"
    #expect(reader.lines.contains(gap))
    #expect(reader.lines.last?.hasSuffix("\"payload\":\"39\"}") == true)
    #expect(reader.errors.contains("trimmed before they were read"))
    #expect(try space.sum("head", of: "work") == 40)
    #expect(space.dump("bus", "--verify").code == 0)
    #expect(space.dump("bus").output.contains("trimmed below 30"))
    let late = space.shmctl("subscribe", "bus", "--from", "earliest", "--until-end")
    #expect(late.lines.first == "30")
  }

  @Test func agesAndMistakes() {
    #expect(space.shmctl("create", "bus").code == 0)
    publish(0..<10)
    let starts = ["1h", "0s"].map { age in
      let run = space.shmctl("trim", "bus", "--older-than", age, "--json")
      return try? JSON.reading(run.output)["partitions"]?.elements.first?["to"]
    }
    #expect(starts == [.integer(0), .integer(10)])
    let late = space.shmctl("subscribe", "bus", "--from", "earliest", "--until-end")
    #expect(late.lines.isEmpty)
    #expect(space.shmctl("trim", "bus").code == 64)
    #expect(space.shmctl("trim", "bus", "--before", "earliest").code == 64)
    #expect(space.shmctl("trim", "bus", "--before", "offset:1", "--older-than", "1s").code == 64)
    #expect(space.shmctl("trim", "bus", "--before", "offset:1", "-p", "3").code == 64)
    #expect(space.shmctl("trim", "none", "--before", "offset:1").code == 66)
  }
}

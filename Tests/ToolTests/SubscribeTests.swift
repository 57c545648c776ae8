import TestSupport
import Testing

/// Where `subscribe` begins, when it ends, and what it says of what it missed.
struct SubscribeTests {
  let space = Space()

  private func create(_ words: String...) {
    #expect(Run(space, [Run.tool, "create", "bus"] + words, input: nil).code == 0)
  }

  private func publish(_ text: String) {
    #expect(space.shmctl("publish", "bus", input: Array(text.utf8)).code == 0)
  }

  @Test func latestIsWhatComesNext() {
    create()
    publish("old\n")
    let reader = space.start("subscribe", "bus", "--count", "2")
    #expect(eventually { space.has("subscriber", on: "bus") })
    publish("new\nnewer\nnewest\n")
    #expect(reader.code == 0)
    #expect(reader.output == "new\nnewer\n")
  }

  @Test func anOffsetIsAPlaceToBegin() {
    create()
    publish("a\nb\nc\nd\n")
    let run = space.shmctl("subscribe", "bus", "--from", "offset:2", "--until-end")
    #expect(run.output == "c\nd\n")
  }

  @Test func theEndOfAnEmptyBusIsReachedAtOnce() {
    create("--partitions", "3")
    let run = space.shmctl("subscribe", "bus", "--from", "earliest", "--until-end")
    #expect(run.code == 0)
    #expect(run.output.isEmpty)
  }

  @Test func untilClosedWaitsForAFirstPublisher() {
    create()
    publish("old\n")
    let reader = space.start("subscribe", "bus", "--until-closed")
    #expect(eventually { space.has("subscriber", on: "bus") })
    publish("new\n")
    #expect(reader.code == 0)
    #expect(reader.output == "new\n")
  }

  @Test func aPublisherWithNothingToSayClosesToo() {
    create()
    let reader = space.start("subscribe", "bus", "--until-closed")
    #expect(eventually { space.has("subscriber", on: "bus") })
    publish("")
    #expect(reader.code == 0)
    #expect(reader.output.isEmpty)
  }

  @Test func anObserverIsToldWhatItMissed() {
    create("--slots", "64", "--slot-size", "64")
    let observer = space.start(
      "subscribe", "bus", "--observe", "--until-closed", "--format", "json")
    #expect(eventually { space.has("observer", on: "bus") })
    observer.stop()
    publish((0..<200).map { "\($0)\n" }.joined())
    observer.goOn()
    #expect(observer.code == 0)
    #expect(observer.lines.first?.hasPrefix("{\"gap\":{\"partition\":0,\"from\":0,\"to\":") == true)
    #expect(observer.lines.last?.hasSuffix("\"payload\":\"199\"}") == true)
    #expect(observer.errors.contains("were overwritten before they were read"))
    #expect(observer.errors.split(separator: "\n").count == 1)
  }

  @Test(arguments: ["block", "overwrite"])
  func anOverwrittenOffsetIsAGap(policy: String) {
    create("--slots", "64", "--slot-size", "64", "--when-full", policy)
    publish((0..<200).map { "\($0)\n" }.joined())
    let run = space.shmctl("subscribe", "bus", "--from", "offset:0", "--until-end")
    #expect(run.code == 0)
    #expect(run.lines.last == "199")
    #expect(run.errors.contains("partition 0: "))
    // Readers enter at the beginning of a batch, and 16 slots are one on so small a ring.
    #expect(run.lines.first == "144")
  }

  @Test func outputIsFlushedWhenNothingIsLeft() {
    create()
    let reader = space.start("subscribe", "bus")
    #expect(eventually { space.has("subscriber", on: "bus") })
    publish("at once\n")
    #expect(eventually { reader.output == "at once\n" })
    #expect(!reader.hasEnded)
  }

  @Test func jsonGoesOutAndIn() {
    create("--partitions", "2")
    #expect(space.shmctl("create", "copy", "--partitions", "2").code == 0)
    let lines = "a=plain\nb=quote \" back \\ tab \t bell \u{7}\nc=ünï 日本 🚀\nno key\n=\n"
    let bytes = Array(lines.utf8) + Array("raw=".utf8) + [0xFF, 0xFE, 0x00, 0x80, 10]
    #expect(space.shmctl("publish", "bus", "-k", "=", input: bytes).code == 0)
    let read = ["--from", "earliest", "--until-end", "--format"]
    let json = Run(space, [Run.tool, "subscribe", "bus"] + read + ["json"], input: nil)
    #expect(json.code == 0)
    #expect(json.output.contains("\"key\":\"raw\",\"payload\":{\"base64\":\"//4AgA==\"}"))
    #expect(json.output.contains("\"key\":null,\"payload\":\"no key\""))
    #expect(space.shmctl("publish", "copy", "--json", input: json.bytes).code == 0)
    for partition in ["0", "1"] {
      let sides = ["bus", "copy"].map { name in
        Run(
          space,
          [Run.tool, "subscribe", name, "-p", partition, "-k", "="] + read + ["line"], input: nil)
      }
      #expect(sides.allSatisfy { $0.code == 0 })
      #expect(sides[0].bytes == sides[1].bytes)
    }
  }

  @Test(arguments: [
    "not json", "{\"key\":\"k\"}", "{\"payload\":7}", "{\"payload\":{\"base64\":\"?\"}}",
    "{\"payload\":\"x\"} more", "{\"payload\":\"\\ud800\"}", "{\"partition\":-1,\"payload\":\"x\"}",
  ])
  func jsonThatIsNoMessageIs65(line: String) {
    create()
    let run = space.shmctl("publish", "bus", "--json", input: Array(line.utf8))
    #expect(run.code == 65)
    #expect(run.errors.hasPrefix("shmctl: record 1: "))
    #expect(run.errors.split(separator: "\n").count == 1)
  }

  @Test func newsOfAGapIsNoMessage() {
    create()
    let input = "{\"gap\":{\"partition\":0,\"from\":1,\"to\":2}}\n\n{\"payload\":\"x\"}\n"
    #expect(space.shmctl("publish", "bus", "--json", input: Array(input.utf8)).code == 0)
    let run = space.shmctl("subscribe", "bus", "--from", "earliest", "--until-end")
    #expect(run.output == "x\n")
  }
}

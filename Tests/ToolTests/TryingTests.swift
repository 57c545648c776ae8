import Testing

/// demo and bench, as a newcomer meets them.
@Suite(.serialized)
struct TryingTests {
  let space = Space()

  @Test func theDemoVerifiesEveryMessage() {
    let demo = space.shmctl("demo")
    #expect(demo.code == 0)
    #expect(demo.output.contains("Verified."))
    #expect(demo.output.contains("Try next"))
    #expect(demo.errors.isEmpty)
    #expect(!demo.output.contains("\u{1B}"))
    #expect(demo.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    #expect(space.segments.isEmpty)
  }

  @Test(arguments: [
    ["--batch", "1"], ["--batch", "16", "--size", "200"],
    ["--publishers", "2", "--subscribers", "2", "--pin", "none"],
    ["--publishers", "2", "--partitions", "2", "--whole", "--size", "1000", "--slots", "256"],
  ])
  func throughputIsMeasured(options: [String]) {
    let run = Run(
      space, [Run.tool, "bench", "throughput", "--json", "--seconds", "100ms"] + options, input: nil
    )
    #expect(run.code == 0)
    #expect(run.errors.isEmpty)
    #expect(run.output.hasPrefix("{\"messagesPerSecond\":"))
    #expect(run.output.contains("\"limit\":"))
    #expect(run.output.contains("\"ratio\":"))
    #expect(space.segments.isEmpty)
  }

  @Test func recoveryIsMeasured() {
    let run = space.shmctl("bench", "recovery", "--json", "--rounds", "3")
    #expect(run.code == 0)
    #expect(run.errors.isEmpty)
    let parts = ["reader", "publisher", "lock"].map { "\"\($0)\":{\"p50\":" }
    #expect(parts.allSatisfy { run.output.contains($0) }, "\(run.output)")
    #expect(run.output.contains("\"rounds\":3") && run.output.contains("\"ratio\":"))
    #expect(space.segments.isEmpty)
  }

  @Test func latencyIsMeasured() {
    let run = space.shmctl("bench", "latency", "--json", "--rounds", "1000", "--pin", "none")
    #expect(run.code == 0)
    #expect(run.errors.isEmpty)
    #expect(run.output.hasPrefix("{\"p50\":"))
    #expect(space.segments.isEmpty)
  }

  @Test func wakingIsMeasured() {
    let run = space.shmctl("bench", "wakeup", "--json", "--rounds", "20")
    #expect(run.code == 0)
    #expect(run.errors.isEmpty)
    #expect(run.output.hasPrefix("{\"p50\":"))
    let names = ["p99", "p999", "max", "limit", "ratio", "moved"]
    #expect(names.allSatisfy { run.output.contains("\"\($0)\":") }, "\(run.output)")
    #expect(space.segments.isEmpty)
  }

  @Test func fanOutIsMeasured() {
    let run = space.shmctl("bench", "fanout", "--json", "--seconds", "60ms")
    #expect(run.code == 0)
    #expect(run.errors.isEmpty)
    for (subscribers, groups) in [(1, 0), (4, 0), (16, 0), (64, 0), (1, 8), (1, 32)] {
      #expect(run.output.contains("{\"subscribers\":\(subscribers),\"groups\":\(groups),"))
    }
    #expect(space.segments.isEmpty)
  }

  @Test func aRateBecomesPartitions() {
    let words = ["--seconds", "50ms", "--advise", "1000000", "--json"]
    let run = Run(space, [Run.tool, "bench", "throughput"] + words, input: nil)
    #expect(run.code == 0)
    #expect(run.errors.isEmpty)
    let names = ["target\":1000000", "publisher\":", "subscriber\":", "partitions\":", "slots\":"]
    #expect(names.allSatisfy { run.output.contains("\"\($0)") }, "\(run.output)")
    #expect(space.segments.isEmpty)
  }
}

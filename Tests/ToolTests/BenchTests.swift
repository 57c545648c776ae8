import Testing

/// bench: that it measures what it says; how fast is for nobody to test.
@Suite(.serialized)
struct BenchTests {
  let space = Space()

  /// Runs a bench to its end; it must leave nothing behind, and draw well-formed XML.
  private func bench(_ words: String...) -> Run {
    let drawn = words.contains("--advise") ? [] : ["--svg", space.path("bench.svg")]
    let run = Run(space, [Run.tool, "bench"] + words + drawn, input: nil)
    #expect(run.code == 0)
    #expect(run.errors.isEmpty)
    #expect(space.segments.isEmpty)
    if !drawn.isEmpty {
      let picture = String(decoding: space.read("bench.svg"), as: UTF8.self)
      #expect(XMLCheck.fault(in: picture) == nil, "\(picture)")
      #expect(picture.hasPrefix("<svg ") && picture.contains("prefers-color-scheme:dark"))
    }
    return run
  }

  private func has(_ names: String..., in run: Run) {
    for name in names { #expect(run.output.contains("\"\(name)\":"), "\(name): \(run.output)") }
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
    has("limit", "ratio", "copyBytesPerSecond", "p50", "p99", "p999", "max", "moved", in: run)
    #expect(space.segments.isEmpty)
  }

  @Test func throughputIsDrawn() {
    let run = bench("throughput", "--seconds", "50ms", "--whole", "--size", "1K", "--slots", "64")
    #expect(run.output.contains("messages/s") && run.output.contains("P99.9"))
  }

  @Test(arguments: [["--rounds", "1000"], ["--seconds", "50ms"]])
  func latencyIsMeasured(extent: [String]) {
    let run = bench("latency", "--json", "--pin", "none", extent[0], extent[1])
    #expect(run.output.hasPrefix("{\"p50\":"))
    has("p90", "p99", "p999", "max", "limit", "ratio", "moved", in: run)
  }

  @Test func wakingIsMeasured() {
    let run = bench("wakeup", "--json", "--rounds", "20")
    #expect(run.output.hasPrefix("{\"p50\":"))
    has("p99", "p999", "max", "limit", "limitBefore", "limitAfter", "ratio", "moved", in: run)
  }

  @Test func fanOutIsMeasured() {
    let run = bench("fanout", "--json", "--seconds", "60ms", "--subscribers", "5")
    for (subscribers, groups) in [(1, 0), (4, 0), (5, 0), (1, 8), (1, 32)] {
      let row = "{\"subscribers\":\(subscribers),\"groups\":\(groups),\"readers\":\"drained\","
      #expect(run.output.contains(row), "\(run.output)")
    }
    for subscribers in [1, 4, 5] {
      let row = "{\"subscribers\":\(subscribers),\"groups\":0,\"readers\":\"asleep\","
      #expect(run.output.contains(row), "\(run.output)")
    }
    has("limit", "moved", "wake", "p50", "p99", "p999", "max", in: run)
  }

  @Test func recoveryIsMeasured() {
    let run = bench("recovery", "--json", "--rounds", "3")
    let parts = ["reader", "publisher", "lock"].map { "\"\($0)\":{\"p50\":" }
    #expect(parts.allSatisfy { run.output.contains($0) }, "\(run.output)")
    #expect(run.output.contains("\"rounds\":3"))
    has("p99", "p999", "max", "ratio", in: run)
  }

  @Test func settingUpIsMeasured() {
    let run = bench("setup", "--json", "--rounds", "3", "--bytes", "4M")
    for part in ["open", "create"] {
      #expect(run.output.contains("\"\(part)\":{\"p50\":"), "\(run.output)")
    }
    has("limit", "ratio", "busBytes", "endpointBytes", in: run)
  }

  @Test func aRateBecomesPartitions() {
    let run = bench("throughput", "--seconds", "50ms", "--advise", "1000000", "--json")
    let names = ["target\":1000000", "publisher\":", "subscriber\":", "partitions\":", "slots\":"]
    #expect(names.allSatisfy { run.output.contains("\"\($0)") }, "\(run.output)")
  }

  @Test func whatCannotBeDrawnIsSaid() {
    let run = space.shmctl("bench", "recovery", "--rounds", "1", "--svg", "/proc/none/x.svg")
    #expect(run.code == 73)
    #expect(run.errors.contains("name a file in a directory of yours"))
  }
}

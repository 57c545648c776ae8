import ShmBus
import TestSupport
import Testing

@testable import shmctl

/// `stat --format openmetrics`.
struct OpenMetricsTests {
  let space = Space()

  @Test func everythingIsMeasured() throws {
    space.shmctl("create", "orders", "--partitions", "2", "--slots", "64", "--slot-size", "64")
    space.shmctl("create", "empty", "--slots", "64")
    space.shmctl("subscribe", "orders", "--group", "billing", "--until-end")
    let lines = (0..<40).map { "k\($0)=x\n" }.joined()
    space.shmctl("publish", "orders", "-k", "=", input: Array(lines.utf8))
    let reader = space.start("subscribe", "orders")
    #expect(eventually { space.has("subscriber", on: "orders") })
    space.shmctl("subscribe", "orders", "--group", "billing", "--count", "10")

    let run = space.shmctl("stat", "--format", "openmetrics")
    #expect(run.code == 0 && run.errors.isEmpty)
    let found = try OpenMetricsGrammar(run.output)
    let orders = ["bus": "orders"]
    #expect(found.values("shmbus_up") == [1, 1])
    #expect(found.values("shmbus_cursor_slots_total", orders).reduce(0, +) == 40)
    #expect(found.values("shmbus_cursor_slots_total", ["bus": "empty"]) == [0])
    #expect(found.values("shmbus_capacity_slots", orders) == [64, 64])
    #expect(found.values("shmbus_kept_slots", orders).reduce(0, +) == 30)
    let lag = found.values("shmbus_group_lag_slots", ["bus": "orders", "group": "billing"])
    #expect(lag.count == 2 && lag.reduce(0, +) == 30)
    #expect(found.values("shmbus_group_head_slots", orders).reduce(0, +) == 10)
    #expect(found.values("shmbus_group_lead_slots", orders).reduce(0, +) == 10)
    let seconds = found.values("shmbus_group_lag_seconds", orders)
    #expect(seconds.allSatisfy { $0 < 100 } && seconds.contains { $0 > 0 })
    #expect(found.values("shmbus_group_owned", orders) == [0, 0])
    #expect(
      found.values("shmbus_endpoints", ["bus": "orders", "role": "subscriber", "state": "alive"])
        == [1])
    #expect(found.values("shmbus_subscriber_lag_slots", ["pid": "\(reader.pid)"]) == [0, 0])

    let one = try OpenMetricsGrammar(
      space.shmctl("stat", "empty", "--format", "openmetrics").output)
    #expect(one.values("shmbus_up", ["bus": "empty"]) == [1])
    #expect(one.values("shmbus_up").count == 1)
  }

  @Test func nothingAndDamageAreMeasuredToo() throws {
    #expect(space.shmctl("stat", "--format", "openmetrics").output == "# EOF\n")
    #expect(space.shmctl("stat", "none", "--format", "openmetrics").code == 66)
    space.shmctl("create", "bad", "--slots", "64")
    space.spoil(space.segment("bad", "control"), at: 0, Array("XXXX".utf8))
    let run = space.shmctl("stat", "--format", "openmetrics")
    #expect(run.code == 0)
    #expect(run.errors.contains("wrong magic"))
    #expect(try OpenMetricsGrammar(run.output).values("shmbus_up", ["bus": "bad"]) == [0])
    #expect(space.shmctl("stat", "bad", "--format", "openmetrics").code == 65)
  }

  /// Labels may hold anything.
  @Test func whatIsInLabelsIsEscaped() throws {
    var family = OpenMetrics.Family("x_bytes", .gauge, unit: "bytes", "A \"quote\", a \\, a\nline.")
    family.add(["a": "\"\\\n,}{ =", "b": "ünï"], .integer(.max))
    family.add(["a": "", "b": ""], .seconds(nanoseconds: 1_000_000_001))
    let found = try OpenMetricsGrammar(OpenMetrics.text([family]))
    #expect(found.families[0].help == "A \"quote\", a \\, a\nline.")
    #expect(found.families[0].samples[0].labels == ["a": "\"\\\n,}{ =", "b": "ünï"])
    #expect(found.values("x_bytes", ["a": ""]) == [1.000000001])
  }

  /// What the grammar must not let pass.
  @Test(arguments: [
    "", "x 1\n# EOF\n", "# TYPE x gauge\n# HELP x h\nx 1\n", "# TYPE x gauge\nx 1\n# EOF\n",
    "# TYPE x gauge\n# HELP x h\nx 1\n# EOF", "# TYPE x gauge\n# HELP x h\n\nx 1\n# EOF\n",
    "# TYPE x counter\n# HELP x h\nx 1\n# EOF\n", "# TYPE x gauge\n# HELP x h\nx -1e\n# EOF\n",
    "# TYPE x gauge\n# UNIT x s\n# HELP x h\nx 1\n# EOF\n",
    "# TYPE x gauge\n# HELP x h\nx 1\nx 2\n# EOF\n",
    "# TYPE x gauge\n# HELP x h\nx{a=\"1\",a=\"2\"} 1\n# EOF\n",
    "# TYPE x gauge\n# HELP x h\nx{a=\"1\"b=\"2\"} 1\n# EOF\n",
    "# TYPE x gauge\n# HELP x h\nx{a=\"\\q\"} 1\n# EOF\n",
    "# TYPE x gauge\n# HELP x h\nx 1\n# TYPE x gauge\n# EOF\n",
    "# TYPE x info\n# HELP x h\nx_info 2\n# EOF\n", "# EOF\n# EOF\n",
    "# TYPE x gauge\n# HELP x h\nx 1\n# TYPE y gauge\n# HELP y h\ny 1\nx 2\n# EOF\n",
  ])
  func whatIsNotOpenMetricsIsRefused(text: String) {
    #expect(throws: OpenMetricsGrammar.Fault.self) { try OpenMetricsGrammar(text) }
  }

  @Test func formatsOfStatExcludeEachOther() {
    space.shmctl("create", "orders", "--slots", "64")
    #expect(space.shmctl("stat", "orders", "--format", "json", "--json").code == 64)
    #expect(space.shmctl("stat").code == 64)
    #expect(
      space.shmctl("stat", "orders", "--format", "json").output.hasPrefix("{\"name\":\"orders\","))
  }
}

import Arguments
import Testing

@Suite struct ParsingTests {
  @Test func valuesHaveTheTypesTheyWereDeclaredWith() throws {
    let parsed = try Sample.parsed(
      "create", "orders", "--slots", "128", "--slot-size=64k", "--claim-timeout", "2s",
      "--when-full=overwrite", "--state-dir", "/var", "-f")
    let slots: Int = parsed[Sample.slots]
    let timeout: Duration = parsed[Sample.timeout]
    let whenFull: WhenFull = parsed[Sample.whenFull]
    let state: String? = parsed[Sample.state]
    let force: Bool = parsed[Sample.force]
    #expect(parsed[Sample.name] == "orders")
    #expect(slots == 128)
    #expect(parsed[Sample.size] == 65_536)
    #expect(timeout == .seconds(2))
    #expect(whenFull == .overwrite)
    #expect(state == "/var")
    #expect(force)
    #expect(!parsed[Sample.json])
  }

  @Test func defaultsStandInForWhatIsNotGiven() throws {
    let parsed = try Sample.parsed("create", "orders")
    #expect(parsed[Sample.slots] == 65_536)
    #expect(parsed[Sample.timeout] == .milliseconds(500))
    #expect(parsed[Sample.whenFull] == .block)
    #expect(parsed[Sample.state] == nil)
    #expect(!parsed[Sample.force])
  }

  @Test func givenIsToldFromDefault() throws {
    let parsed = try Sample.parsed("create", "orders", "--slots", "65536", "-j")
    #expect(parsed.contains(Sample.slots))
    #expect(parsed.contains(Sample.json))
    #expect(parsed.contains(Sample.name))
    #expect(!parsed.contains(Sample.size))
    #expect(!parsed.contains(Sample.force))
  }

  @Test func shortOptionsJoin() throws {
    let parsed = try Sample.parsed("create", "-jfs128", "orders")
    #expect(parsed[Sample.json] && parsed[Sample.force])
    #expect(parsed[Sample.slots] == 128)
    #expect(try Sample.parsed("create", "-s", "256", "orders")[Sample.slots] == 256)
  }

  @Test func repeatedOptionsKeepTheirOrder() throws {
    let parsed = try Sample.parsed("read", "--key", "a", "f", "-kb", "--key=")
    #expect(parsed[Sample.key] == ["a", "b", ""])
    #expect(try Sample.parsed("read", "f")[Sample.key] == [])
  }

  @Test func aFlagMayBeRepeated() throws {
    #expect(try Sample.parsed("create", "orders", "-f", "--force")[Sample.force])
  }

  @Test func argumentsAreRequiredOptionalOrMany() throws {
    let reset = try Sample.parsed("group", "reset", "orders", "--to", "1")
    #expect(reset[Sample.target] == nil)
    #expect(try Sample.parsed("group", "reset", "a", "7", "--to=1")[Sample.target] == 7)
    #expect(try Sample.parsed("read", "a", "b", "c")[Sample.files] == ["a", "b", "c"])
    #expect(try Sample.parsed("group", "drop")[Sample.extra] == [])
    #expect(try Sample.parsed("group", "drop", "a")[Sample.extra] == ["a"])
  }

  @Test func requiredOption() throws {
    #expect(try Sample.parsed("group", "reset", "orders", "--to", "-5")[Sample.to] == -5)
  }

  @Test func twoDashesEndTheOptions() throws {
    #expect(
      try Sample.parsed("read", "--", "--key", "-h", "--")[Sample.files] == ["--key", "-h", "--"])
  }

  @Test func aDashAndNegativeNumbersAreArguments() throws {
    #expect(try Sample.parsed("read", "-")[Sample.files] == ["-"])
    #expect(try Sample.parsed("group", "reset", "a", "-7", "--to", "0")[Sample.target] == -7)
  }

  @Test func attachedValuesMayLookLikeAnything() throws {
    #expect(try Sample.parsed("read", "f", "--key=--key")[Sample.key] == ["--key"])
    #expect(try Sample.parsed("read", "f", "--key=a=b")[Sample.key] == ["a=b"])
    #expect(try Sample.parsed("read", "f", "--key", "-x")[Sample.key] == ["-x"])
  }

  @Test func aToolMayBeASingleCommand() throws {
    let parsed = try Sample.parsed("a", "--json", "b", by: Sample.viewer)
    #expect(parsed[Sample.files] == ["a", "b"])
    #expect(parsed[Sample.json])
  }

  @Test func theCommandFoundIsTheOneToRun() throws {
    guard case .run(let create, let parsed) = try Sample.tool.parse(["create", "x", "-f"]) else {
      Issue.record("nothing to run")
      return
    }
    #expect(create.name == "create")
    #expect(try create.run(parsed) == 2)
    guard case .run(let read, let rest) = try Sample.tool.parse(["read", "x"]) else {
      Issue.record("nothing to run")
      return
    }
    #expect(throws: UsageError("nothing to read")) { try read.run(rest) }
  }

  @Test func askingForWhatIsNotDeclaredStops() async {
    await #expect(processExitsWith: .failure) {
      _ = try Sample.parsed("ping")[Sample.slots]
    }
  }

  @Test func declarationsThatContradictThemselvesStop() async {
    await #expect(processExitsWith: .failure) {
      _ = Command("a", summary: "", options: [Sample.slots, Sample.slots]) { _ in 0 }
    }
    await #expect(processExitsWith: .failure) {
      _ = Command("a", summary: "", options: [Flag("hush", short: "h", help: "")]) { _ in 0 }
    }
    await #expect(processExitsWith: .failure) {
      _ = Command("a", summary: "", arguments: [Sample.files, Sample.target]) { _ in 0 }
    }
    await #expect(processExitsWith: .failure) {
      _ = Command("a", summary: "", arguments: [Sample.target, Sample.name]) { _ in 0 }
    }
    await #expect(processExitsWith: .failure) {
      _ = Command("a", summary: "", commands: [Sample.ping, Sample.ping])
    }
    await #expect(processExitsWith: .success) {
      _ = Command("a", summary: "", arguments: [Sample.name, Sample.target]) { _ in 0 }
    }
  }
}

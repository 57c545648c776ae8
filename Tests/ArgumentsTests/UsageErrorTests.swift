import Testing

@testable import Arguments

@Suite struct UsageErrorTests {
  @Test func exitCodeOfSysexits() { #expect(UsageError.exitCode == 64) }

  @Test func unknownOption() {
    #expect(
      Sample.refusal("create", "x", "--slost", "64")
        == "unknown option '--slost'; did you mean --slots?")
    #expect(
      Sample.refusal("create", "x", "--zebra=1")
        == "unknown option '--zebra'; run 'demo create --help' for its options")
    #expect(
      Sample.refusal("create", "-slots", "64")
        == "unknown option '-slots'; did you mean --slots?")
    #expect(
      Sample.refusal("ping", "-x") == "unknown option '-x'; run 'demo ping --help' for its options")
    #expect(
      Sample.refusal("read", "-partition")
        == "unknown option '-partition'; did you mean --partition?")
    #expect(
      Sample.refusal("read", "--part", "1") == "unknown option '--part'; did you mean --partition?")
  }

  @Test func optionBeforeTheCommand() {
    #expect(
      Sample.refusal("--json", "create", "x")
        == "--json belongs behind the command, as in 'demo COMMAND --json'")
    #expect(
      Sample.refusal("--colour", "create")
        == "unknown option '--colour'; run 'demo --help' for what can be asked")
    #expect(Sample.refusal("group", "--version").hasPrefix("unknown option '--version'"))
    #expect(Sample.refusal("create", "--version").hasPrefix("unknown option '--version'"))
  }

  @Test func missingValue() {
    #expect(
      Sample.refusal("create", "x", "--slots")
        == "--slots needs a value, an integer of 64 or more; found nothing behind it")
    #expect(
      Sample.refusal("create", "x", "-s", "--force")
        == "--slots needs a value, an integer of 64 or more; found --force instead")
    #expect(
      Sample.refusal("create", "--slots", "--", "x")
        == "--slots needs a value, an integer of 64 or more; found -- instead")
  }

  @Test func valueForAFlag() {
    #expect(
      Sample.refusal("create", "x", "--force=yes") == "--force takes no value; found 'yes'")
    #expect(Sample.refusal("create", "--help=") == "--help takes no value; found ''")
  }

  @Test func badValue() {
    #expect(
      Sample.refusal("create", "x", "--slots", "12")
        == "--slots takes an integer of 64 or more, but found '12'")
    #expect(
      Sample.refusal("create", "x", "--when-full=blok")
        == "--when-full takes block or overwrite, but found 'blok'; did you mean block?")
    #expect(
      Sample.refusal("create", "x", "--claim-timeout=5")
        == "--claim-timeout takes a duration such as 500ms, 2s or 1m, but found '5'")
    #expect(
      Sample.refusal("read", "x", "--partition", "1,a")
        == "--partition takes an integer of 0 or more, or several joined by commas, but found '1,a'"
    )
    #expect(
      Sample.refusal("group", "reset", "x", "y", "--to", "1")
        == "TARGET takes an integer, but found 'y'")
    #expect(Sample.refusal("read", "f", "") == "FILE takes the path of a file, but found ''")
  }

  @Test func missingArgument() {
    #expect(
      Sample.refusal("create")
        == "'demo create' needs NAME; the usage is 'demo create NAME [OPTIONS]'")
    #expect(
      Sample.refusal("group", "reset", "x")
        == "'demo group reset' needs --to; the usage is 'demo group reset NAME [TARGET] --to N'")
    #expect(Sample.refusal("read").hasPrefix("'demo read' needs FILE; "))
    let two = Argument("SIDE", repeated: .string, atLeast: 2, help: "")
    let tool = Tool(Command("t", summary: "", arguments: [two]) { _ in 0 }, version: "1")
    #expect(Sample.refusal("a", by: tool).hasPrefix("'t' needs another SIDE; "))
    #expect(Sample.refusal("a", "b", by: tool) == "")
  }

  @Test func tooManyArguments() {
    #expect(
      Sample.refusal("create", "x", "y")
        == "'demo create' takes one argument, so 'y' is one too many")
    #expect(Sample.refusal("ping", "y") == "'demo ping' takes no arguments, so 'y' is one too many")
    #expect(
      Sample.refusal("group", "reset", "x", "1", "2", "--to", "1")
        == "'demo group reset' takes 2 arguments, so '2' is one too many")
  }

  @Test func givenTwice() {
    #expect(
      Sample.refusal("create", "x", "--slots", "64", "-s128")
        == "--slots is given twice, as '64' and as '128'; leave one of them out")
  }

  @Test func unknownCommand() {
    #expect(Sample.refusal("crate", "x") == "unknown command 'crate'; did you mean 'create'?")
    #expect(Sample.refusal("hlep") == "unknown command 'hlep'; did you mean 'help'?")
    #expect(Sample.refusal("x") == "unknown command 'x'; run 'demo --help' for the list")
    #expect(Sample.refusal("group", "rest") == "unknown command 'rest'; did you mean 'reset'?")
    #expect(Sample.refusal("help", "crate") == "unknown command 'crate'; did you mean 'create'?")
    #expect(
      Sample.refusal("help", "create", "x")
        == "'demo create' has no commands of its own; run 'demo create --help' to read on it")
  }

  @Test func missingCommand() {
    #expect(Sample.refusal() == "'demo' needs a command; run 'demo --help' for the list")
    #expect(
      Sample.refusal("group")
        == "'demo group' needs a command; run 'demo group --help' for the list")
  }

  @Test func conflict() {
    #expect(
      Sample.refusal("read", "f", "--partition", "1", "--group=g")
        == "--group and --partition cannot be given together, for a group assigns partitions"
        + " itself; leave one of them out")
    #expect(Sample.refusal("read", "f", "--group", "g") == "")
    #expect(Sample.refusal("read", "f", "--partition", "0") == "")
  }

  @Test func whatWasFoundCannotDriveATerminal() {
    #expect(
      Sample.refusal("a\u{1B}[2J\nb")
        == #"unknown command 'a\u{1B}[2J\nb'; run 'demo --help' for the list"#)
    #expect(
      Sample.refusal("--a\u{1B}")
        == #"unknown option '--a\u{1B}'; run 'demo --help' for what can be asked"#)
  }

  @Test func slipsOfTheFinger() {
    #expect("slots".slips(to: "slots") == 0)
    #expect("slost".slips(to: "slots") == 1)
    #expect("slot".slips(to: "slots") == 1)
    #expect("plots".slips(to: "slots") == 1)
    #expect("".slips(to: "abc") == 3)
    #expect("abc".slips(to: "") == 3)
    #expect("kitten".slips(to: "sitting") == 3)
  }

  @Test func nearestIsNearEnough() {
    #expect("creat".nearest(in: ["create", "crate"]) == "create")
    #expect("xyz".nearest(in: ["create", "read"]) == nil)
    #expect("ab".nearest(in: []) == nil)
  }
}

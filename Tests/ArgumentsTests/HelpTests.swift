import Testing

@testable import Arguments

@Suite struct HelpTests {
  @Test func theRoot() throws {
    #expect(
      try Sample.help("--help") == """
        A tool to test with.

        It does nothing.

        USAGE
          demo COMMAND ...

        COMMANDS
          Buses
            create  Create a bus.
          Messages
            read    Read files.
            group   Change groups.
          Other
            ping    Answer.
            help    Show the help of a command.

        OPTIONS
          -h, --help     Show this help.
              --version  Show the version.

        EXAMPLES
          See what there is.
            $ demo help

        Run 'demo COMMAND --help' to read on a command.
        """)
  }

  @Test func aCommand() throws {
    #expect(
      try Sample.help("create", "-h") == """
        Create a bus.

        The memory is allocated at once, so that a bus that was created never runs out
        of it later, whatever else the host is doing.

          1 MiB = 256 slots of 4 KiB
          .not a macro, 'nor this

        A second paragraph, naïve \\ and ~plain^.

        USAGE
          demo create NAME [OPTIONS]

        ARGUMENTS
          NAME  The bus.

        OPTIONS
          -s, --slots N             Slots in each partition. A power of two is best
                                    (default 65536).
              --slot-size BYTES     Bytes in a slot (default 4k)
              --claim-timeout TIME  How long a claim may last (default 500ms).
              --when-full block|overwrite
                                    What a full partition does (default block).
              --state-dir DIR       Where the state is kept.
          -f, --force               Do it at once.
          -j, --json                Print JSON.
          -h, --help                Show this help.

        EXAMPLES
          Create a bus of small slots.
            $ demo create orders --slot-size 64
        """)
  }

  @Test func factsInBrackets() throws {
    #expect(try Sample.help("read", "-h").contains("A key to look for (may be repeated).\n"))
    let reset = try Sample.help("group", "reset", "-h")
    #expect(reset.contains("USAGE\n  demo group reset NAME [TARGET] --to N\n"))
    #expect(reset.contains("--to N  The new head (required).\n"))
    #expect(reset.contains("NAME      The bus.\n  [TARGET]  Where to.\n"))
    #expect(try Sample.help("read", "-h").contains("demo read FILE... [OPTIONS]"))
    #expect(try Sample.help("group", "drop", "-h").contains("demo group drop [EXTRA...]\n"))
    #expect(
      Option("a", .string, default: "", help: "A.").declaration.fullHelp == "A (default empty).")
  }

  @Test func everyWayToAsk() throws {
    #expect(try Sample.help("-h") == Sample.help("help"))
    #expect(try Sample.help("create", "--help") == Sample.help("help", "create"))
    #expect(try Sample.help("group", "-h") == Sample.help("help", "group"))
    #expect(try Sample.help("group", "reset", "-h") == Sample.help("help", "group", "reset"))
    #expect(try Sample.help("create", "--slots", "bad", "--help").contains("demo create"))
    #expect(try Sample.help("create", "-fh").contains("demo create"))
    #expect(try Sample.help("help", "--help").contains("demo help [COMMAND...]"))
    #expect(try Sample.help("-h", by: Sample.viewer).contains("view FILE... [OPTIONS]"))
  }

  @Test func aGroupListsItsCommandsWithoutHeadings() throws {
    let group = try Sample.help("group", "--help")
    #expect(group.contains("COMMANDS\n  reset  Move a group.\n  drop   Remove a group.\n"))
    #expect(!group.contains("--version"))
  }

  @Test func version() throws {
    for (tool, line) in [(Sample.tool, "demo 1.2.3"), (Sample.viewer, "view 4.5.6")] {
      guard case .version(let text) = try tool.parse(["--version"]) else {
        Issue.record("no version")
        continue
      }
      #expect(text == line)
    }
  }

  @Test func noLineIsLongerThan80Columns() throws {
    let long = String(repeating: "words that go on ", count: 20)
    let wide = Option("wide", .string.named(String(repeating: "W", count: 40)), help: long)
    let many = (1...12).map { Argument("ARGUMENT-\($0)", .string, help: long) }
    let tool = Tool(
      Command("t", summary: long, discussion: long, arguments: many, options: [wide]) { _ in 0 },
      version: "1")
    let help = try Sample.help("-h", by: tool)
    let lengths = help.split(separator: "\n").map(\.count)
    #expect(lengths.max()! <= 80)
    #expect(lengths.max()! > 76)
    #expect(!help.contains(" \n"))
  }
}

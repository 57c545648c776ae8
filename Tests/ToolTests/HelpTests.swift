import Testing

/// What every command says of itself, and what it says to nonsense.
struct HelpTests {
  static let commands = [
    ["create"], ["plan"], ["list"], ["stat"], ["top"], ["remove"], ["publish"], ["subscribe"],
    ["demo"], ["checkpoint"], ["restore"], ["keeper"], ["recover"], ["doctor"], ["alter"],
    ["trim"], ["numa"], ["groups"], ["group", "reset"],
    ["group", "delete"], ["bench", "throughput"], ["bench", "latency"],
    ["bench", "wakeup"], ["bench", "fanout"], ["bench", "recovery"], ["bench", "setup"],
    ["completions"], ["man"], ["sync"], ["adopt"],
  ]

  let space = Space()

  @Test(arguments: commands)
  func everyCommandDocumentsItself(words: [String]) {
    let run = Run(space, [Run.tool] + words + ["--help"], input: nil)
    #expect(run.code == 0)
    #expect(run.output.contains("USAGE\n  shmctl \(words.joined(separator: " "))"))
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    #expect(run.errors.isEmpty)
  }

  @Test(arguments: commands)
  func everyCommandRefusesAnUnknownOption(words: [String]) {
    let run = Run(space, [Run.tool] + words + ["--nonsense"], input: nil)
    #expect(run.code == 64)
    #expect(run.errors.hasPrefix("shmctl: unknown option '--nonsense'"))
    #expect(run.errors.split(separator: "\n").count == 1)
    #expect(run.output.isEmpty)
  }

  @Test func theListNamesExactlyTheseCommands() {
    let help = space.shmctl("--help")
    let listed = help.lines.filter { $0.hasPrefix("    ") && !$0.hasPrefix("     ") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
      .filter { $0 != "$" }
    #expect(Set(listed) == Set(Self.commands.map { $0[0] } + ["help"]))
  }

  @Test func theVersionIsOneLine() {
    let run = space.shmctl("--version")
    #expect(run.code == 0)
    #expect(run.lines.count == 1)
    #expect(run.output.hasPrefix("shmctl "))
  }

  @Test func aMisspeltCommandGetsASuggestion() {
    let run = space.shmctl("subscirbe", "x")
    #expect(run.code == 64)
    #expect(run.errors.contains("did you mean 'subscribe'?"))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsArePrinted(shell: String) {
    let run = space.shmctl("completions", shell)
    #expect(run.code == 0)
    #expect(run.output.contains("shmctl"))
  }

  @Test func bashAcceptsTheCompletions() {
    #expect(space.bash("source <($shmctl completions bash) && complete -p shmctl").code == 0)
  }

  @Test func theManualPageHasExitCodesAndFrames() {
    let page = space.shmctl("man").output
    #expect(page.contains(".SH \"EXIT STATUS\""))
    #expect(page.contains(".SH \"FRAMES\""))
  }
}

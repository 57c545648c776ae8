import Arguments
import Foundation
import Testing

private let commands = ["create", "read", "group", "ping", "help"]

@Suite(.serialized) struct BashCompletionTests {
  /// Drives the function that bash calls, with the words it would pass: it splits them at `=`.
  private func complete(_ words: String..., by tool: Tool = Sample.tool) throws -> [String] {
    let runner = try ShellRunner()
    try runner.write(tool.completions(for: .bash), to: "script")
    let list = words.map { "'\($0)'" }.joined(separator: " ")
    let output = try runner.run(
      .bash, "--norc", "-uc",
      """
      source ./script
      COMP_WORDS=(\(list)) COMP_CWORD=\(words.count - 1)
      $(complete -p \(words[0]) | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
      if ((${#COMPREPLY[@]})); then printf '%s\\n' "${COMPREPLY[@]}"; fi
      """)
    #expect(
      !FileManager.default.fileExists(atPath: runner.directory.appending(path: "oops").path()))
    return output.split(separator: "\n").map(String.init)
  }

  @Test(arguments: [Sample.tool, Sample.viewer])
  func syntax(tool: Tool) throws {
    let runner = try ShellRunner()
    try runner.write(tool.completions(for: .bash), to: "script")
    #expect(try runner.run(.bash, "-n", "script") == "")
  }

  @Test func commandsAtEveryLevel() throws {
    #expect(try complete("demo", "") == commands)
    #expect(try complete("demo", "cr") == ["create"])
    #expect(try complete("demo", "group", "") == ["reset", "drop"])
    #expect(try complete("demo", "help", "gr") == ["group"])
    #expect(try complete("demo", "x") == [])
    #expect(try complete("demo", "nonsense", "") == [])
  }

  @Test func options() throws {
    #expect(try complete("demo", "-") == ["--help", "-h", "--version"])
    #expect(try complete("demo", "create", "--s") == ["--slots", "--slot-size", "--state-dir"])
    #expect(try complete("demo", "create", "orders", "--f") == ["--force"])
    #expect(try complete("demo", "group", "reset", "--t") == ["--to"])
    #expect(try complete("demo", "create", "--", "-") == [])
  }

  @Test func valuesOfOptions() throws {
    #expect(try complete("demo", "create", "--when-full", "") == ["block", "overwrite"])
    #expect(try complete("demo", "create", "--when-full", "o") == ["overwrite"])
    #expect(try complete("demo", "create", "--when-full", "=") == ["block", "overwrite"])
    #expect(try complete("demo", "create", "--when-full", "=", "b") == ["block"])
    #expect(try complete("demo", "create", "--slots", "") == [])
    #expect(try complete("demo", "read", "--partition", "") == [])
    #expect(try complete("demo", "read", "--input", "f").sorted() == ["file.txt", "folder"])
    #expect(try complete("demo", "create", "--state-dir", "") == ["folder"])
  }

  @Test func argumentsByTheirPlace() throws {
    let names = ["orders", #"other\ one"#, #"\$\(touch\ oops\)"#]
    #expect(try complete("demo", "create", "") == names)
    #expect(try complete("demo", "create", "ord") == ["orders"])
    #expect(try complete("demo", "create", "--slots", "64", "--force", "ord") == ["orders"])
    #expect(try complete("demo", "create", "-s", "64", "ord") == ["orders"])
    #expect(try complete("demo", "create", "--slots", "=", "64", "ord") == ["orders"])
    #expect(try complete("demo", "create", "--", "ord") == ["orders"])
    #expect(try complete("demo", "create", "orders", "") == [])
    #expect(try complete("demo", "read", "a", "b", "fi") == ["file.txt"])
    #expect(try complete("view", "a", "fi", by: Sample.viewer) == ["file.txt"])
  }

  @Test func wordsSplitAtColons() throws {
    #expect(try complete("demo", "read", "--key", "a", ":", "b", "fi") == ["file.txt"])
    #expect(try complete("demo", "create", "a", ":", "") == [])
    #expect(try complete("demo", "create", "a", ":") == [])
  }
}

@Suite(.serialized, .enabled(if: ShellRunner.isInstalled(.fish)))
struct FishCompletionTests {
  private func complete(_ line: String, by tool: Tool = Sample.tool) throws -> [String] {
    let runner = try ShellRunner()
    try runner.write(tool.completions(for: .fish), to: "script")
    let output = try runner.run(
      .fish, "--no-config", "-c", "source ./script; complete -C '\(line)'")
    #expect(
      !FileManager.default.fileExists(atPath: runner.directory.appending(path: "oops").path()))
    return output.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) }.sorted()
  }

  @Test(arguments: [Sample.tool, Sample.viewer])
  func syntax(tool: Tool) throws {
    let runner = try ShellRunner()
    try runner.write(tool.completions(for: .fish), to: "script")
    #expect(try runner.run(.fish, "-n", "script") == "")
  }

  @Test func commandsAtEveryLevel() throws {
    #expect(try complete("demo ") == commands.sorted())
    #expect(try complete("demo cr") == ["create"])
    #expect(try complete("demo group ") == ["drop", "reset"])
    #expect(try complete("demo help gr") == ["group"])
  }

  @Test func optionsAndTheirValues() throws {
    #expect(try complete("demo create --s") == ["--slot-size", "--slots", "--state-dir"])
    #expect(try complete("demo group reset --t") == ["--to"])
    #expect(try complete("demo create --when-full ") == ["block", "overwrite"])
    #expect(try complete("demo create --when-full=o") == ["--when-full=overwrite"])
    #expect(try complete("demo read --input f") == ["file.txt", "folder/"])
    #expect(try complete("demo create --state-dir f") == ["folder/"])
  }

  @Test func argumentsByTheirPlace() throws {
    #expect(try complete("demo create ") == ["$(touch oops)", "orders", "other one"])
    #expect(try complete("demo create --slots 64 -f ord") == ["orders"])
    #expect(try complete("demo create -- ord") == ["orders"])
    #expect(try complete("demo create orders ord") == [])
    #expect(try complete("demo read a b fi") == ["file.txt"])
    #expect(try complete("view a fi", by: Sample.viewer) == ["file.txt"])
  }
}

@Suite(.serialized, .enabled(if: ShellRunner.isInstalled(.zsh)))
struct ZshCompletionTests {
  /// Types a line and a tab into a zsh on a pseudo-terminal; what it inserts is seen by a widget.
  private func complete(_ line: String, by tool: Tool = Sample.tool) throws -> String {
    let runner = try ShellRunner()
    try runner.write(tool.completions(for: .zsh), to: "script")
    try runner.write(
      """
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell 'PS1=; autoload -Uz compinit && compinit -u -D && source ./script
        unsetopt list_beep auto_list; show() { print -r -- "<<$BUFFER>>" > out }
        zle -N show; bindkey "^X" show; print READY'
      while zpty -r shell reply; do [[ $reply == READY* ]] && break; done
      zpty -w -n shell $'\(line)\\t\\C-x'
      repeat 100; do [[ -s out ]] && break; sleep 0.05; done
      cat out
      zpty -d shell
      """, to: "drive")
    return try runner.run(.zsh, "-f", "drive")
  }

  @Test(arguments: [Sample.tool, Sample.viewer])
  func syntax(tool: Tool) throws {
    let runner = try ShellRunner()
    try runner.write(tool.completions(for: .zsh), to: "script")
    #expect(try runner.run(.zsh, "-n", "script") == "")
  }

  @Test(arguments: [
    ("demo cr", "demo create "), ("demo group re", "demo group reset "),
    ("demo help gr", "demo help group "), ("demo create --for", "demo create --force "),
    ("demo create --when-full o", "demo create --when-full overwrite "),
    ("demo create --when-full=b", "demo create --when-full=block "),
    ("demo create --slots 64 ord", "demo create --slots 64 orders "),
    ("demo create -s 64 oth", #"demo create -s 64 other\ one "#),
    ("demo create a ord", "demo create a ord"), ("demo read a fi", "demo read a file.txt "),
    ("demo read --input fi", "demo read --input file.txt "),
    ("demo create --state-dir f", "demo create --state-dir folder/"),
  ])
  func aTabCompletes(line: String, completed: String) throws {
    #expect(try complete(line) == "<<\(completed)>>\n")
  }
}

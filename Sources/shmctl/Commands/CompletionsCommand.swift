import Arguments
import ToolSupport

/// `shmctl completions`.
enum CompletionsCommand {
  private static let shell = Argument("SHELL", .choice(Shell.self), help: "bash, zsh or fish.")

  static let command = Command(
    "completions", summary: "Print a script that teaches a shell to complete shmctl.",
    under: Heading.shell, arguments: [shell],
    examples: [
      Example("For this bash.", "source <(shmctl completions bash)"),
      Example(
        "For every fish.", "shmctl completions fish > ~/.config/fish/completions/shmctl.fish"),
    ]
  ) { parsed in
    try Program.print(Shmctl.tool.completions(for: parsed[shell]))
    return 0
  }
}

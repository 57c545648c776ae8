/// A shell that completions can be written for.
public enum Shell: String, CaseIterable, Sendable {
  /// GNU bash, 4.0 or later; needs no bash-completion.
  case bash
  /// zsh, with compinit.
  case zsh
  /// fish, 3.0 or later.
  case fish
}

extension Tool {
  /// A script that teaches a shell to complete this tool's command line.
  public func completions(for shell: Shell) -> String {
    let routes = Route([root]).all
    return switch shell {
    case .bash: BashCompletion(tool: root.name, routes: routes).script
    case .zsh: ZshCompletion(tool: root.name, routes: routes).script
    case .fish: FishCompletion(tool: root.name, routes: routes).script
    }
  }
}

extension String {
  /// One word of bash or zsh.
  var shellQuoted: String { "'\(replacing("'", with: "'\\''"))'" }

  /// Every occurrence of a character replaced.
  func replacing(_ character: Character, with text: String) -> String {
    split(separator: character, omittingEmptySubsequences: false).joined(separator: text)
  }
}

extension Route {
  /// The whole help of a command: plain text of at most 80 columns.
  var help: String {
    let sections = [
      TextLayout.wrap(command.summary),
      TextLayout.discussion(command.discussion),
      section("USAGE", TextLayout.wrap(usage, indent: 2, hanging: 4)),
      section("ARGUMENTS", TextLayout.table(command.arguments.map { ($0.term, $0.fullHelp) })),
      section("COMMANDS", commandList),
      section("OPTIONS", TextLayout.table(options.map { ($0.term, $0.fullHelp) })),
      section("EXAMPLES", examples),
      command.commands.isEmpty
        ? [] : TextLayout.wrap("Run '\(self) COMMAND --help' to read on a command."),
    ]
    return sections.filter { !$0.isEmpty }.joined(separator: [""]).joined(separator: "\n")
  }

  /// One line: `shmctl create NAME [OPTIONS]`.
  var usage: String {
    if !command.commands.isEmpty { return "\(self) COMMAND ..." }
    let required = command.options.filter(\.isRequired).map(\.valued)
    let more = command.options.contains { !$0.isRequired } ? ["[OPTIONS]"] : []
    return ([description] + command.arguments.map(\.usage) + required + more)
      .joined(separator: " ")
  }

  private func section(_ title: String, _ lines: [String]) -> [String] {
    lines.isEmpty ? [] : [title] + lines
  }

  /// The commands, under their headings where they have some, all aligned alike.
  private var commandList: [String] {
    var headings: [String?] = []
    for command in command.commands where !headings.contains(command.heading) {
      headings.append(command.heading)
    }
    let areShown = headings.contains { $0 != nil }
    let indent = areShown ? 4 : 2
    let column = TextLayout.column(for: command.commands.map(\.name), indent: indent)
    return headings.flatMap { heading in
      let rows = command.commands.filter { $0.heading == heading }.map { ($0.name, $0.summary) }
      return (areShown ? ["  \(heading ?? "Other")"] : [])
        + TextLayout.table(rows, indent: indent, column: column)
    }
  }

  private var examples: [String] {
    let blocks = command.examples.map { example in
      TextLayout.wrap(example.summary, indent: 2) + ["    $ \(example.line)"]
    }
    return Array(blocks.joined(separator: [""]))
  }
}

extension Declaration {
  /// As it stands on the left of a table: `-n, --slots N`, or `FILE...`.
  ///
  /// Long names are aligned whether or not there is a short one.
  var term: String {
    guard isOption else { return usage }
    return "\(short.map { "\($0), " } ?? "    ")\(valued)"
  }

  /// An option with its value: `--slots N`.
  fileprivate var valued: String { placeholder.map { "\(spelling) \($0)" } ?? spelling }

  /// As it stands in a usage line: `NAME`, `[NAME]`, `FILE...`.
  var usage: String {
    let name = isRepeated ? "\(spelling)..." : spelling
    return isRequired ? name : "[\(name)]"
  }
}

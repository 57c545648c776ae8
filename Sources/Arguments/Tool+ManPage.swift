/// A section that a tool adds to its manual page, such as EXIT STATUS.
public struct ManualSection: Sendable {
  let title: String
  let text: String
  let entries: [(term: String, text: String)]

  /// A section of prose, written as a command's discussion is, and of terms with an explanation.
  public init(_ title: String, text: String = "", entries: [(term: String, text: String)] = []) {
    self.title = title
    self.text = text
    self.entries = entries
  }
}

extension Tool {
  /// The manual page, in the man(7) macros of roff: one for the tool with all its commands.
  ///
  /// `date` is shown at the foot; it is given, not read from a clock, so that builds repeat.
  public func manualPage(date: String = "", sections: [ManualSection] = []) -> String {
    let route = Route([root])
    var page = Roff()
    let source = "\(root.name) \(version)"
    page.macro("TH", [root.name.uppercased(), "1", date, source, "User Commands"])
    page.section("NAME")
    page.text("\(root.name) - \(root.summary.firstSentence)")
    page.section("SYNOPSIS")
    page.usage(route)
    if !root.discussion.isEmpty {
      page.section("DESCRIPTION")
      page.discussion(root.discussion)
    }
    page.parameters(root.arguments, under: "ARGUMENTS")
    page.parameters(route.options, under: "OPTIONS")
    if !root.commands.isEmpty {
      page.section("COMMANDS")
      for route in route.all where !route.isRoot && route.command.commands.isEmpty {
        page.command(route)
      }
    }
    if !root.examples.isEmpty {
      page.section("EXAMPLES")
      page.examples(root.examples)
    }
    for section in sections {
      page.section(section.title)
      page.discussion(section.text)
      for entry in section.entries { page.entry(Roff.bold(entry.term), entry.text) }
    }
    return page.source
  }
}

/// The source of a manual page while it is written.
private struct Roff {
  private(set) var source = ""

  /// Text that roff prints as it is.
  static func escape(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar {
      case "\\": "\\(rs"
      case "-": "\\-"
      case "'": "\\(aq"
      case "\"": "\\(dq"
      case "`": "\\(ga"
      case "^": "\\(ha"
      case "~": "\\(ti"
      case _ where scalar.isASCII: String(scalar)
      default: "\\[u\(hex(scalar.value))]"
      }
    }.joined()
  }

  static func bold(_ text: String) -> String { "\\fB\(escape(text))\\fR" }
  static func italic(_ text: String) -> String { "\\fI\(escape(text))\\fR" }

  private static func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// A line that roff cannot take for one of its own, whatever it begins with.
  private mutating func line(_ escaped: String) {
    source += (escaped.hasPrefix(".") ? "\\&" : "") + escaped + "\n"
  }

  mutating func macro(_ name: String, _ arguments: [String] = []) {
    source += ".\(name)" + arguments.map { " \"\(Self.escape($0))\"" }.joined() + "\n"
  }

  mutating func section(_ title: String) { macro("SH", [title]) }
  mutating func text(_ text: String) { line(Self.escape(text)) }

  mutating func entry(_ term: String, _ text: String) {
    macro("TP")
    line(term)
    self.text(text)
  }

  mutating func usage(_ route: Route) {
    let rest = route.usage.dropFirst("\(route)".count + 1)
    line(Self.bold("\(route)") + (rest.isEmpty ? "" : " \(Self.italic(String(rest)))"))
  }

  mutating func discussion(_ text: String) {
    for (index, block) in TextLayout.blocks(text).enumerated() {
      if index > 0 { macro("PP") }
      switch block {
      case .paragraph(let text): self.text(text)
      case .verbatim(let lines): verbatim(lines)
      }
    }
  }

  private mutating func verbatim(_ lines: [String]) {
    macro("RS", ["4"])
    macro("nf")
    for line in lines { self.line(Self.escape(line)) }
    macro("fi")
    macro("RE")
  }

  mutating func parameters(_ declarations: [Declaration], under title: String? = nil) {
    if let title, !declarations.isEmpty { section(title) }
    for declaration in declarations {
      guard declaration.isOption else {
        entry(Self.italic(declaration.usage), declaration.fullHelp)
        continue
      }
      let names = declaration.spellings.map(Self.bold).joined(separator: ", ")
      let value = declaration.placeholder.map { " \(Self.italic($0))" } ?? ""
      entry(names + value, declaration.fullHelp)
    }
  }

  mutating func command(_ route: Route) {
    macro("SS", [route.usage])
    text(route.command.summary)
    if !route.command.discussion.isEmpty {
      macro("PP")
      discussion(route.command.discussion)
    }
    parameters(route.command.arguments + route.command.options)
    if !route.command.examples.isEmpty {
      macro("PP")
      examples(route.command.examples)
    }
  }

  mutating func examples(_ examples: [Example]) {
    for (index, example) in examples.enumerated() {
      if index > 0 { macro("PP") }
      text(example.summary)
      verbatim(["$ \(example.line)"])
    }
  }
}

/// Text for people: wrapped into lines of at most ``width`` columns.
enum TextLayout {
  static let width = 80

  /// A part of a discussion.
  enum Block: Equatable {
    case paragraph(String)
    case verbatim([String])
  }

  /// Splits at empty lines; lines that begin with two spaces keep their shape.
  static func blocks(_ text: String) -> [Block] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .split { $0.isEmpty }
      .map { lines in
        lines.allSatisfy { $0.hasPrefix("  ") }
          ? .verbatim(lines.map { String($0.dropFirst(2)) })
          : .paragraph(lines.joined(separator: " "))
      }
  }

  /// Lines of `text`, each indented; a word too long for a line gets one of its own.
  static func wrap(_ text: String, indent: Int = 0, hanging: Int = 0) -> [String] {
    var lines: [String] = []
    var line = String(repeating: " ", count: indent)
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = String(repeating: " ", count: indent + hanging)
        isEmpty = true
      }
      line += isEmpty ? word : " \(word)"
      isEmpty = false
    }
    return isEmpty ? lines : lines + [line]
  }

  /// A discussion, its paragraphs apart.
  static func discussion(_ text: String) -> [String] {
    let blocks = blocks(text).map { block in
      switch block {
      case .paragraph(let text): wrap(text)
      case .verbatim(let lines): lines.map { "  \($0)" }
      }
    }
    return Array(blocks.joined(separator: [""]))
  }

  /// The column at which the right side of a table starts, if these terms stand on its left.
  ///
  /// Terms longer than most do not push it out: their explanation starts on the next line.
  static func column(for terms: [String], indent: Int) -> Int {
    indent + 2 + (terms.map(\.count).filter { $0 <= 26 }.max() ?? 2)
  }

  /// Terms on the left, their explanation wrapped on the right.
  static func table(
    _ rows: [(term: String, text: String)], indent: Int = 2, column: Int? = nil
  ) -> [String] {
    let column = column ?? Self.column(for: rows.map(\.term), indent: indent)
    return rows.flatMap { term, text in
      let head = String(repeating: " ", count: indent) + term
      var lines = wrap(text, indent: column)
      if head.count + 2 <= column, let first = lines.first {
        let gap = String(repeating: " ", count: column - head.count)
        lines[0] = head + gap + first.dropFirst(column)
      } else {
        lines.insert(head, at: 0)
      }
      return lines
    }
  }
}

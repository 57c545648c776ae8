extension Form where Value == String {
  /// Any text.
  public static var string: Form { Form("TEXT", accepting: "a text") { $0 } }

  /// The path of a file; whether it exists is for the tool to find out.
  public static var file: Form {
    Form("FILE", accepting: "the path of a file", completion: .files) { $0.isEmpty ? nil : $0 }
  }

  /// The path of a directory; whether it exists is for the tool to find out.
  public static var directory: Form {
    Form("DIR", accepting: "the path of a directory", completion: .directories) {
      $0.isEmpty ? nil : $0
    }
  }
}

extension Form where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
  /// One of an enumeration's cases, by its raw value.
  public static func choice(_ type: Value.Type = Value.self) -> Form {
    let words = Value.allCases.map(\.rawValue)
    return Form(
      words.joined(separator: "|"), accepting: words.joined(lastSeparator: "or"),
      completion: .words(words), show: \.rawValue, read: { Value(rawValue: $0) })
  }
}

extension Form {
  /// One or more values of another form, separated by commas.
  public static func list<Element>(of element: Form<Element>) -> Form
  where Value == [Element] {
    Form(
      "\(element.placeholder),...", accepting: "\(element.accepted), or several joined by commas",
      completion: element.completion, show: { $0.map(element.show).joined(separator: ",") },
      read: { text in
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let values = parts.compactMap { $0.isEmpty ? nil : element.read(String($0)) }
        return values.count == parts.count ? values : nil
      })
  }
}

extension [String] {
  /// "a", "a or b", "a, b or c".
  func joined(lastSeparator: String) -> String {
    guard count > 1, let last else { return first ?? "" }
    return "\(dropLast().joined(separator: ", ")) \(lastSeparator) \(last)"
  }
}

/// Whether a text is well-formed XML, as far as pictures need it: elements that close, quoted attributes, and no
/// bare `&` or `<`.
enum XMLCheck {
  /// What is wrong; nil if nothing is.
  static func fault(in text: String) -> String? {
    var open: [Substring] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      if let fault = faultOfText(rest[..<start]) { return fault }
      guard let end = rest[start...].firstIndex(of: ">") else { return "a tag has no end" }
      var tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.first == "/" {
        guard open.popLast() == tag.dropFirst() else {
          return "</\(tag.dropFirst())> closes nothing"
        }
        continue
      }
      let isClosed = tag.last == "/"
      if isClosed { tag.removeLast() }
      let name = tag.prefix { $0 != " " }
      if name.isEmpty { return "a tag has no name" }
      if let fault = faultOfAttributes(tag.dropFirst(name.count)) { return fault }
      if !isClosed { open.append(name) }
    }
    if let fault = faultOfText(rest) { return fault }
    return open.isEmpty ? nil : "<\(open[0])> is not closed"
  }

  /// ` name="value"`, any number of times.
  private static func faultOfAttributes(_ text: Substring) -> String? {
    var names: Set<Substring> = []
    var rest = text
    while rest.first == " " {
      rest.removeFirst()
      if rest.isEmpty { return nil }
      guard let equals = rest.firstIndex(of: "=") else { return "'\(rest)' has no value" }
      let name = rest[..<equals]
      rest = rest[rest.index(after: equals)...]
      guard rest.popFirst() == "\"", let quote = rest.firstIndex(of: "\"") else {
        return "'\(name)' is not quoted"
      }
      guard names.insert(name).inserted else { return "'\(name)' is there twice" }
      if let fault = faultOfText(rest[..<quote]) { return fault }
      rest = rest[rest.index(after: quote)...]
    }
    return rest.isEmpty ? nil : "'\(rest)' follows an attribute"
  }

  private static func faultOfText(_ text: Substring) -> String? {
    let entities = ["&amp;", "&lt;", "&gt;", "&quot;"]
    for place in text.indices where text[place] == "&" {
      guard entities.contains(where: { text[place...].hasPrefix($0) }) else { return "a bare '&'" }
    }
    return text.contains("<") ? "a bare '<'" : nil
  }
}

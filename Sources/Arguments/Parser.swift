/// Reads the words behind a command: first collects what is there, then checks it as a whole.
struct Parser {
  let route: Route
  private var texts: [String: [String]] = [:]
  private var positional: [String] = []

  init(route: Route) { self.route = route }

  /// A wish that makes the rest of the words irrelevant.
  enum Wish {
    case help
    case version
  }

  /// Sorts the words into options and arguments.
  mutating func collect(_ words: ArraySlice<String>) throws(UsageError) -> Wish? {
    var rest = words
    while let word = rest.popFirst() {
      if word == "--" {
        positional += rest
        break
      }
      var wish: Wish?
      if word.hasPrefix("--") {
        wish = try long(word, &rest)
      } else if word.hasPrefix("-"), word != "-", !isNegativeNumber(word) {
        wish = try short(word, &rest)
      } else {
        positional.append(word)
      }
      if let wish { return wish }
    }
    return nil
  }

  /// `--name`, `--name=value` or `--name value`.
  private mutating func long(
    _ word: String, _ rest: inout ArraySlice<String>
  ) throws(UsageError) -> Wish? {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let attached = parts.count > 1 ? String(parts[1]) : nil
    guard let option = option(String(parts[0])) else { throw unknown(String(parts[0])) }
    if option.isFlag, let attached {
      throw UsageError("\(option.spelling) takes no value; found \(attached.quoted)")
    }
    return try take(option, attached, &rest)
  }

  /// `-f`, `-fg` for two flags, `-n 5` or `-n5`.
  private mutating func short(
    _ word: String, _ rest: inout ArraySlice<String>
  ) throws(UsageError) -> Wish? {
    // `-slots` is read as a slip for `--slots`, not as `-s lots`.
    if word.count > 2, option("-\(word)") != nil { throw unknown(word) }
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      guard let option = option("-\(letter)") else { throw unknown(word) }
      if option.isFlag {
        if let wish = try take(option, nil, &rest) { return wish }
      } else {
        return try take(option, letters.isEmpty ? nil : String(letters), &rest)
      }
    }
    return nil
  }

  private mutating func take(
    _ option: Declaration, _ attached: String?, _ rest: inout ArraySlice<String>
  ) throws(UsageError) -> Wish? {
    switch option.spelling {
    case Declaration.help.spelling: return .help
    case Declaration.version.spelling where route.isRoot: return .version
    default: break
    }
    if option.isFlag {
      texts[option.spelling] = [""]
    } else if let attached {
      texts[option.spelling, default: []].append(attached)
    } else {
      texts[option.spelling, default: []].append(try value(of: option, from: &rest))
    }
    return nil
  }

  /// The next word, unless it is an option itself: then the value was forgotten.
  private func value(
    of option: Declaration, from rest: inout ArraySlice<String>
  ) throws(UsageError) -> String {
    let next = rest.popFirst()
    if let next, next != "--", self.option(next) == nil { return next }
    let found = next.map { "found \($0) instead" } ?? "found nothing behind it"
    throw UsageError("\(option.spelling) needs a value, \(option.accepted); \(found)")
  }

  private func option(_ spelling: String) -> Declaration? {
    route.options.first { $0.spellings.contains(spelling) }
  }

  private func isNegativeNumber(_ word: String) -> Bool {
    Int(word) != nil && option(String(word.prefix(2))) == nil
  }

  private func unknown(_ word: String) -> UsageError {
    let name = String(word.drop { $0 == "-" })
    let names = route.options.map { String($0.spelling.dropFirst(2)) }
    let wayOut =
      name.nearest(in: names).map { "did you mean --\($0)?" }
      ?? "run '\(route) --help' for its options"
    return UsageError("unknown option \(word.quoted); \(wayOut)")
  }
}

extension Parser {
  /// Deals the positional words out to the arguments and checks every count, value and conflict.
  consuming func check() throws(UsageError) -> Parsed {
    for argument in route.command.arguments {
      let taken = positional.prefix(argument.count.upperBound)
      texts[argument.spelling] = taken.isEmpty ? nil : Array(taken)
      positional.removeFirst(taken.count)
    }
    if let extra = positional.first {
      let limit = route.command.arguments.count
      let takes = limit == 0 ? "no arguments" : limit == 1 ? "one argument" : "\(limit) arguments"
      throw UsageError("'\(route)' takes \(takes), so \(extra.quoted) is one too many")
    }
    for declaration in route.command.arguments + route.command.options {
      try check(texts[declaration.spelling] ?? [], for: declaration)
    }
    for conflict in route.command.conflicts {
      let given = conflict.parameters.map(\.spelling).filter { texts[$0] != nil }
      if given.count > 1 {
        throw UsageError(
          "\(given[0]) and \(given[1]) cannot be given together, for \(conflict.reason);"
            + " leave one of them out")
      }
    }
    return Parsed(command: route.command, texts: texts)
  }

  private func check(_ given: [String], for declaration: Declaration) throws(UsageError) {
    let spelling = declaration.spelling
    if given.count < declaration.count.lowerBound {
      let missing = given.isEmpty ? spelling : "another \(spelling)"
      throw UsageError("'\(route)' needs \(missing); the usage is '\(route.usage)'")
    }
    if given.count > declaration.count.upperBound {
      let found = "as \(given[0].quoted) and as \(given[1].quoted)"
      throw UsageError("\(spelling) is given twice, \(found); leave one of them out")
    }
    for text in given where !declaration.accepts(text) {
      var wayOut = ""
      if case .words(let words) = declaration.completion, let word = text.nearest(in: words) {
        wayOut = "; did you mean \(word)?"
      }
      throw UsageError(
        "\(spelling) takes \(declaration.accepted), but found \(text.quoted)\(wayOut)")
    }
  }
}

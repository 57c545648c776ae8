/// An ``Option`` or an ``Argument``: a declaration, and the typed value that `parsed[it]` gives.
public protocol Parameter<Value>: Sendable {
  /// What `parsed[it]` gives.
  associatedtype Value
  /// What there is to know of it whatever its type.
  var declaration: Declaration { get }
  /// Its value, from texts the parser has checked against the declaration.
  func value(of texts: [String]) -> Value
}

/// What help, completion and the parser know of an option or argument, whatever its type.
public struct Declaration: Sendable {
  /// As the user writes it: `--slots`; or as the usage shows it: `NAME`.
  public let spelling: String
  /// The short spelling of an option, `-s`.
  let short: String?
  let help: String
  /// Stands for the value; nil for a flag.
  let placeholder: String?
  /// How often it may be given; a flag's repetition changes nothing and is let through.
  let count: ClosedRange<Int>
  /// The default, as the user would write it.
  let fallback: String?
  let accepted: String
  let completion: Completion
  let accepts: @Sendable (String) -> Bool

  init<Value>(
    _ spelling: String, short: Character? = nil, _ form: Form<Value>, count: ClosedRange<Int>,
    fallback: Value? = nil, help: String
  ) {
    self.spelling = spelling
    self.short = short.map { "-\($0)" }
    self.help = help
    placeholder = form.placeholder
    self.count = count
    self.fallback = fallback.map(form.show)
    accepted = form.accepted
    completion = form.completion
    accepts = { form.read($0) != nil }
  }

  /// A flag.
  init(flag: String, short: Character?, help: String) {
    spelling = flag
    self.short = short.map { "-\($0)" }
    self.help = help
    placeholder = nil
    count = 0...Int.max
    fallback = nil
    accepted = "no value"
    completion = .nothing
    accepts = { _ in true }
  }
}

extension Declaration {
  var spellings: [String] { [short, spelling].compactMap(\.self) }
  var isFlag: Bool { placeholder == nil }
  var isRequired: Bool { count.lowerBound > 0 }
  var isRepeated: Bool { count.upperBound > 1 && !isFlag }

  var isOption: Bool { spelling.hasPrefix("--") }

  /// The help, with the facts in brackets that the declaration itself knows.
  var fullHelp: String {
    // How often an argument is given shows in the usage; for an option it is said here.
    let facts = [
      isOption && isRequired ? "required" : nil,
      isOption && isRepeated ? "may be repeated" : nil,
      fallback.map { "default \($0.isEmpty ? "empty" : $0)" },
    ].compactMap(\.self)
    if facts.isEmpty { return help }
    let note = " (\(facts.joined(separator: "; ")))"
    return help.hasSuffix(".") ? "\(help.dropLast())\(note)." : help + note
  }

  /// The first sentence of the help, for one line in a shell's menu.
  var brief: String { help.firstSentence }
}

extension String {
  /// Up to the first full stop or semicolon at the end of a word, without it.
  var firstSentence: String {
    let words = split(separator: " ")
    guard let end = words.firstIndex(where: { $0.hasSuffix(".") || $0.hasSuffix(";") })
    else { return self }
    return String(words[...end].joined(separator: " ").dropLast())
  }
}

/// An option: `--force`, `--slots N`. Its type says what `parsed[option]` gives.
///
/// ```swift
/// let force = Flag("force", short: "f", help: "…")                               // Bool
/// let slots = Option("slots", .integer(64...), default: 65_536, help: "…")       // Int
/// let group = Option("group", .string, help: "…")                                // String?
/// let mode = Option("mode", required: .choice(Mode.self), help: "…")             // Mode
/// let key = Option("key", repeated: .string, help: "…")                          // [String]
/// ```
public struct Option<Value: Sendable>: Parameter {
  /// What there is to know of it whatever its type.
  public let declaration: Declaration
  private let read: @Sendable ([String]) -> Value

  /// An option that has a default.
  public init(
    _ name: String, short: Character? = nil, _ form: Form<Value>, default fallback: Value,
    help: String
  ) {
    declaration = Declaration(
      "--\(name)", short: short, form, count: 0...1, fallback: fallback, help: help)
    read = { $0.first.flatMap(form.read) ?? fallback }
  }

  /// An option that may be absent.
  public init<Wrapped>(
    _ name: String, short: Character? = nil, _ form: Form<Wrapped>, help: String
  ) where Value == Wrapped? {
    declaration = Declaration("--\(name)", short: short, form, count: 0...1, help: help)
    read = { $0.first.flatMap(form.read) }
  }

  /// An option that must be given.
  public init(
    _ name: String, short: Character? = nil, required form: Form<Value>, help: String
  ) {
    declaration = Declaration("--\(name)", short: short, form, count: 1...1, help: help)
    read = { form.read($0[0])! }
  }

  /// An option that may be given any number of times.
  public init<Element>(
    _ name: String, short: Character? = nil, repeated form: Form<Element>, help: String
  ) where Value == [Element] {
    declaration = Declaration("--\(name)", short: short, form, count: 0...Int.max, help: help)
    read = { $0.compactMap(form.read) }
  }

  /// Its value, from texts the parser has checked.
  public func value(of texts: [String]) -> Value { read(texts) }
}

/// An option without a value: present or not.
public typealias Flag = Option<Bool>

extension Option where Value == Bool {
  /// A flag.
  public init(_ name: String, short: Character? = nil, help: String) {
    declaration = Declaration(flag: "--\(name)", short: short, help: help)
    read = { !$0.isEmpty }
  }
}

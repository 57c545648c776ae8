/// A positional argument. Its type says what `parsed[argument]` gives.
///
/// ```swift
/// let name = Argument("NAME", .string, help: "…")                                // String
/// let from = Argument("NAME", optional: .string, help: "…")                      // String?
/// let files = Argument("FILE", repeated: .file, help: "…")                       // [String]
/// ```
public struct Argument<Value: Sendable>: Parameter {
  /// What there is to know of it whatever its type.
  public let declaration: Declaration
  private let read: @Sendable ([String]) -> Value

  /// An argument that must be given.
  public init(_ name: String, _ form: Form<Value>, help: String) {
    declaration = Declaration(name, form, count: 1...1, help: help)
    read = { form.read($0[0])! }
  }

  /// An argument that may be left out; only others like it may follow.
  public init<Wrapped>(_ name: String, optional form: Form<Wrapped>, help: String)
  where Value == Wrapped? {
    declaration = Declaration(name, form, count: 0...1, help: help)
    read = { $0.first.flatMap(form.read) }
  }

  /// The last argument, taking all that is left, at least `minimum` of them.
  public init<Element>(
    _ name: String, repeated form: Form<Element>, atLeast minimum: Int = 1, help: String
  ) where Value == [Element] {
    declaration = Declaration(name, form, count: minimum...Int.max, help: help)
    read = { $0.compactMap(form.read) }
  }

  /// Its value, from texts the parser has checked.
  public func value(of texts: [String]) -> Value { read(texts) }
}

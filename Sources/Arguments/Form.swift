/// The form a value takes on a command line: how it is read, described, shown and completed.
///
/// The forms most tools need are static members (`.integer(1...)`, `.byteSize()`, `.duration`,
/// `.string`, `.file`, `.choice(Mode.self)`, `.list(of: .integer())`); a tool adds its own with
/// ``init(_:accepting:completion:show:read:)``.
public struct Form<Value: Sendable>: Sendable {
  /// Stands for the value in help, as `N` does in `--slots N`.
  public private(set) var placeholder: String
  /// What is accepted, as the end of a sentence: "an integer of 64 or more".
  public let accepted: String
  /// What a shell offers in the value's place.
  public private(set) var completion: Completion
  let show: @Sendable (Value) -> String
  /// The value of a text; nil for a text that is not of this form.
  public let read: @Sendable (String) -> Value?

  /// Makes a form; `read` returns nil for a text that is not of it, and must be pure.
  public init(
    _ placeholder: String, accepting accepted: String, completion: Completion = .nothing,
    show: @escaping @Sendable (Value) -> String = { "\($0)" },
    read: @escaping @Sendable (String) -> Value?
  ) {
    self.placeholder = placeholder
    self.accepted = accepted
    self.completion = completion
    self.show = show
    self.read = read
  }

  /// The same form under another placeholder.
  public func named(_ placeholder: String) -> Form {
    var form = self
    form.placeholder = placeholder
    return form
  }

  /// The same form, completed differently.
  public func completed(by completion: Completion) -> Form {
    var form = self
    form.completion = completion
    return form
  }
}

/// What a shell offers in the place of a value.
public enum Completion: Sendable, Equatable {
  /// Nothing: only the user knows the value.
  case nothing
  /// One of these words.
  case words([String])
  /// Any file.
  case files
  /// Any directory.
  case directories
  /// The lines that a command prints, such as `shmctl list --names`; run on each completion.
  case lines(of: String)
}

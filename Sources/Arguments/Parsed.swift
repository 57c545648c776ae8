/// A command line that was understood: `parsed[slots]` has the type that `slots` was declared with.
public struct Parsed: Sendable {
  let command: Command
  /// By spelling, what was given for each parameter, already checked; a flag has an empty text.
  let texts: [String: [String]]

  /// The value of a parameter the command declares; asking for another is a fault of the program.
  public subscript<P: Parameter>(parameter: P) -> P.Value {
    parameter.value(of: given(for: parameter))
  }

  /// Whether a parameter was given, rather than left to its default.
  public func contains(_ parameter: some Parameter) -> Bool {
    !given(for: parameter).isEmpty
  }

  private func given(for parameter: some Parameter) -> [String] {
    let spelling = parameter.declaration.spelling
    precondition(
      (command.arguments + command.options).contains { $0.spelling == spelling },
      "\(command.name) does not declare \(spelling)")
    return texts[spelling] ?? []
  }
}

import Glibc

/// Why something could not be set up: what happened, and what to do about it, in one sentence.
public struct BusError: Error, CustomStringConvertible, Sendable, Equatable {
  /// What kind of failure it is. The raw value is the exit status the tools use (sysexits).
  public enum Code: Int32, Sendable {
    /// A name, size or option that cannot be.
    case usage = 64
    /// Bytes that are not what they should be.
    case damaged = 65
    /// No bus of this name.
    case notFound = 66
    /// It exists, but cannot be used now: exhausted, removed, or the host lacks something.
    case unavailable = 69
    /// It could not be created.
    case cannotCreate = 73
    /// It may work in a moment.
    case tryAgain = 75
    /// The kernel does not let you.
    case permission = 77
  }

  /// What kind of failure it is.
  public let code: Code
  /// The sentence, with the way out.
  public let message: String
  /// The system's error number behind it, or 0.
  public let errno: Int32

  init(_ code: Code, _ message: String, _ cause: SystemError? = nil) {
    self.code = code
    self.errno = cause?.code ?? 0
    self.message = cause.map { "\(message): \($0)\(Self.wayOut(of: $0))" } ?? message
  }

  /// The sentence.
  public var description: String { message }

  private static func wayOut(of cause: SystemError) -> String {
    switch cause.code {
    case EMFILE:
      "; this process has too many open files: raise its limit ('ulimit -n'), or close endpoints, each "
        + "of which takes one"
    case ENFILE: "; the host has too many open files: raise fs.file-max"
    default: ""
    }
  }
}

extension BusError {
  /// A field of a segment that is not what it must be.
  static func wrong(
    _ segment: String, _ what: String, found: some CustomStringConvertible,
    expected: some CustomStringConvertible
  ) -> BusError {
    BusError(
      .damaged,
      "\(segment) has the wrong \(what): found \(found), expected \(expected)\(damageAdvice)")
  }

  private static let damageAdvice =
    "; look at it with 'dump-shm', or remove the bus with 'shmctl remove --force' and create it anew"

  /// The message without its way out.
  var evidence: String {
    message.hasSuffix(Self.damageAdvice)
      ? String(message.dropLast(Self.damageAdvice.count)) : message
  }

  /// A segment that was cut while it was in use.
  static func truncated(_ segment: String) -> BusError {
    BusError(.damaged, "\(segment) was truncated by somebody while it was in use" + damageAdvice)
  }

  static func truncatedSentence(_ partition: Int?) -> String {
    let segment = partition.map { "the segment of partition \($0)" } ?? "the control segment"
    return "\(segment) was truncated by somebody while it was in use" + damageAdvice
  }

  static func forked(_ name: String) -> BusError {
    BusError(.unavailable, "bus '\(name)': \(forkedSentence)")
  }

  static let forkedSentence =
    "it was opened before this process was forked and belongs to the parent; open the bus in the child, "
    + "best after exec"

  static func removed(_ name: String) -> BusError {
    BusError(.unavailable, "bus '\(name)' has been removed; open it again if it was created anew")
  }

  static func noSuchBus(_ name: String) -> BusError {
    BusError(
      .notFound,
      "there is no bus '\(name)'; 'shmctl list' shows what exists, 'shmctl create \(name)' makes it"
    )
  }

  /// Set-up throws its own errors and the system's; the latter become sentences here.
  static func from(
    _ error: any Error, _ sentence: (SystemError) -> BusError
  ) -> BusError {
    if let system = error as? SystemError { return sentence(system) }
    guard let own = error as? BusError else {
      preconditionFailure("set-up throws no other errors: \(error)")
    }
    return own
  }
}

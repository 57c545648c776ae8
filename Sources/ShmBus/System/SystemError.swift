import CShmBus
import Glibc

/// What the kernel refused: the call, what it was asked about, and why.
@safe
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
  let call: String
  let subject: String
  /// An `errno` value.
  let code: Int32

  init(call: String, subject: String, code: Int32) {
    self.call = call
    self.subject = subject
    self.code = code
  }

  /// The failure that `errno` tells of now: to be taken before anything else can change it.
  static func last(_ call: String, _ subject: String) -> SystemError {
    SystemError(call: call, subject: subject, code: errno)
  }

  /// Throws unless `code`, which a call returned instead of setting `errno`, is 0.
  static func check(
    _ code: Int32, _ call: String, _ subject: @autoclosure () -> String
  ) throws(SystemError) {
    if code != 0 { throw SystemError(call: call, subject: subject(), code: code) }
  }

  package var description: String { "\(call) \(subject): \(Self.text(of: code))" }

  static func text(of code: Int32) -> String {
    guard let text = unsafe shmbus_error_text(code), let name = unsafe shmbus_error_name(code)
    else { return "error \(code)" }
    return unsafe "\(String(cString: text)) (\(String(cString: name)))"
  }
}

/// Repeats a call that a signal interrupted. Ends because each turn needs one more signal.
@inline(__always)
func retryingInterrupts(_ call: () -> Int32) -> Int32 {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}

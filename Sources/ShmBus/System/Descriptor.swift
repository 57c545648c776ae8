import Glibc

/// An open file descriptor, closed when it goes out of scope.
@safe
struct Descriptor: ~Copyable, Sendable {
  let number: Int32

  /// Takes over `number`, which nobody else may close.
  init(owning number: Int32) { self.number = number }

  /// Opens `path`; the descriptor does not survive `exec`.
  init(path: String, flags: Int32) throws(SystemError) {
    let number = retryingInterrupts { unsafe open(path, flags | O_CLOEXEC) }
    guard number >= 0 else { throw SystemError.last("open", path) }
    self.number = number
  }

  // Not repeated after EINTR: Linux has closed it by then, and the number may be somebody else's.
  deinit { _ = close(number) }

  /// Gives the number away; the caller closes it.
  consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }
}

import CShmBus
import Glibc

/// Sleeping on 32-bit words of shared memory, across processes.
enum Futex {
  static let maximumWords = Int(SHMBUS_FUTEX_ANY_MAX)

  enum Outcome {
    /// Woken, or the word had another value already, or a signal came: look again.
    case lookAgain
    case timedOut
  }

  /// Sleeps while the word is `expected`, for at most `nanoseconds`. A read-only mapping will do.
  static func wait(
    _ word: UnsafeRawPointer, while expected: UInt32, for nanoseconds: UInt64
  ) -> Outcome {
    let code = unsafe shmbus_futex_wait(word, expected, nanoseconds)
    switch code {
    case 0, EAGAIN, EINTR: return .lookAgain
    // Anything else cannot be slept through: the caller must not spin until its deadline.
    default: return .timedOut
    }
  }

  /// Wakes one thread that sleeps on the word, if any.
  static func wakeOne(_ word: UnsafeRawPointer) {
    // It cannot fail on a mapped, aligned word; a lost wake only delays (every sleep is bounded).
    _ = unsafe shmbus_futex_wake(word, 1)
  }

  /// Sleeps while all of 1 to 128 words are 0, for at most `nanoseconds`.
  ///
  /// Fails with `ENOSYS` before Linux 5.16; waiting for each word in turn is then the caller's.
  static func waitAny(
    _ words: [UnsafeRawPointer], for nanoseconds: UInt64
  ) throws(SystemError) -> Outcome {
    let deadline = Clock.deadline(in: nanoseconds)
    let pointers = unsafe words.map { unsafe Optional($0) }
    let code = unsafe pointers.withUnsafeBufferPointer { buffer in
      unsafe shmbus_futex_wait_any(buffer.baseAddress, buffer.count, deadline)
    }
    switch code {
    case 0, EAGAIN, EINTR: return .lookAgain
    case ETIMEDOUT: return .timedOut
    default:
      let subject = unsafe "\(words.count) words"
      throw SystemError(call: "futex_waitv", subject: subject, code: code)
    }
  }
}

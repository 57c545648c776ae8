import CShmBus
import Glibc

/// Write locks on single bytes of a file that belong to an open file description.
///
/// The kernel frees them when the last descriptor of that description is closed, and so when the
/// process dies, however it dies. They are held while the process is stopped, and seen across PID
/// namespaces. The bytes need not exist. POSIX locks would vanish with any `close` of the file.
enum FileLock {
  /// Locks `byte` without waiting; false where somebody else holds it. `fd` must be writable.
  static func acquire(_ byte: Int64, of fd: Int32) throws(SystemError) -> Bool {
    var lock = request(F_WRLCK, byte)
    if unsafe control(fd, SHMBUS_OFD_SETLK, &lock) == 0 { return true }
    let failure = SystemError.last("fcntl", "lock of byte \(byte)")
    if failure.code == EAGAIN || failure.code == EACCES { return false }
    throw failure
  }

  static func release(_ byte: Int64, of fd: Int32) throws(SystemError) {
    var lock = request(F_UNLCK, byte)
    guard unsafe control(fd, SHMBUS_OFD_SETLK, &lock) == 0 else {
      throw SystemError.last("fcntl", "unlock of byte \(byte)")
    }
  }

  /// Whether anybody but `fd`'s own open file description holds the write lock.
  ///
  /// Asks as a reader would: who may only read the file can read-lock it, and must not be able to
  /// make a dead owner look alive.
  static func isHeld(_ byte: Int64, seenFrom fd: Int32) throws(SystemError) -> Bool {
    var lock = request(F_RDLCK, byte)
    guard unsafe control(fd, SHMBUS_OFD_GETLK, &lock) == 0 else {
      throw SystemError.last("fcntl", "probe of byte \(byte)")
    }
    return lock.l_type != Int16(F_UNLCK)
  }

  private static func request(_ type: Int32, _ byte: Int64) -> flock {
    // OFD commands want l_pid to be 0.
    flock(
      l_type: Int16(type), l_whence: Int16(SEEK_SET), l_start: Int(byte), l_len: 1, l_pid: 0)
  }

  private static func control(
    _ fd: Int32, _ command: Int, _ lock: UnsafeMutablePointer<flock>
  ) -> Int32 {
    retryingInterrupts { unsafe fcntl(fd, Int32(command), lock) }
  }
}

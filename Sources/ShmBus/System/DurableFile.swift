import Glibc

/// An open regular file whose bytes are to survive the host: written in place, and synced.
struct DurableFile: ~Copyable, Sendable {
  private let descriptor: UnforkableDescriptor
  /// For errors.
  let path: String

  /// Opens a file of a directory for reading and writing. A new one is its owner's alone.
  init(_ name: String, in directory: borrowing Directory, create: Bool) throws(SystemError) {
    let path = directory.path + "/" + name
    let number = retryingInterrupts {
      unsafe openat(
        directory.number, name,
        O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0),
        mode_t(0o600))
    }
    guard number >= 0 else { throw SystemError.last("open", path) }
    let opened = Descriptor(owning: number)
    var status = stat()
    // One of two names may be another file's, in a folder of somebody with fewer rights.
    guard unsafe fstat(opened.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_nlink <= 1
    else {
      throw SystemError(call: "open", subject: path, code: EINVAL)
    }
    descriptor = try UnforkableDescriptor(opened)
    self.path = path
  }

  /// What tells whether somebody else has written or replaced it.
  func stamp() throws(SystemError) -> FileStamp { FileStamp(try status()) }

  private func status() throws(SystemError) -> stat {
    var status = stat()
    guard unsafe fstat(descriptor.number, &status) == 0 else {
      throw SystemError.last("fstat", path)
    }
    return status
  }

  /// Its bytes, as many as there are, up to `limit`.
  func read(atMost limit: Int) throws(SystemError) -> [UInt8] {
    let size = min(limit, max(0, Int(try status().st_size)))
    var bytes = [UInt8](repeating: 0, count: size)
    var done = 0
    while done < size {
      let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe pread(descriptor.number, buffer.baseAddress! + done, size - done, done)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw SystemError.last("read", path) }
      // Ends: with the file, which somebody may have cut.
      if count == 0 { return Array(bytes[..<done]) }
      done += count
    }
    return bytes
  }

  /// Writes all of `bytes` at its beginning; they are not durable before ``sync()``.
  func write(_ bytes: [UInt8]) throws(SystemError) {
    var done = 0
    // Ends: each turn writes something, is interrupted by one signal, or fails.
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe pwrite(
          descriptor.number, buffer.baseAddress! + done, bytes.count - done, done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw SystemError.last("write", path) }
      done += count
    }
  }

  /// Cuts it, or lets it grow by zeroes.
  func resize(to byteCount: Int) throws(SystemError) {
    guard retryingInterrupts({ ftruncate(descriptor.number, byteCount) }) == 0 else {
      throw SystemError.last("ftruncate", path)
    }
  }

  /// Returns when its bytes, and what is needed to find them, are on the disk.
  func sync() throws(SystemError) {
    guard retryingInterrupts({ fdatasync(descriptor.number) }) == 0 else {
      throw SystemError.last("fdatasync", path)
    }
  }

  /// Says who may open it.
  func share(_ access: FileAccess) throws(SystemError) {
    try access.apply(toOpen: descriptor.number, named: path)
  }
}

/// Which file a name stands for, and when it was last written.
struct FileStamp: Equatable, Sendable {
  let identity: FileIdentity
  let size: Int
  let seconds: Int
  let nanoseconds: Int

  init(_ status: stat) {
    identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    size = Int(status.st_size)
    seconds = status.st_mtim.tv_sec
    nanoseconds = status.st_mtim.tv_nsec
  }
}

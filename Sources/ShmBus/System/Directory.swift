import Glibc

/// An open directory. What is done in it goes by its descriptor: another directory that takes its name
/// later is not touched.
struct Directory: ~Copyable, Sendable {
  let path: String
  private let descriptor: UnforkableDescriptor
  var number: Int32 { descriptor.number }

  init(_ path: String) throws(SystemError) {
    self.path = path
    descriptor = try UnforkableDescriptor(
      Descriptor(path: path, flags: O_RDONLY | O_DIRECTORY))
  }

  /// Makes a directory, which is its user's alone then, and those above it that are missing; false if it was
  /// there.
  static func make(_ path: String) throws(SystemError) -> Bool {
    var made = ""
    var isNew = false
    let parts = path.split(separator: "/")
    for (place, part) in parts.enumerated() {
      let parent = made.isEmpty ? "/" : made
      made += "/" + part
      // Whoever uses a state directory must be able to go through those above it.
      isNew = unsafe mkdir(made, place == parts.count - 1 ? 0o700 : 0o755) == 0
      guard isNew else {
        if errno == EEXIST { continue }
        throw SystemError.last("mkdir", made)
      }
      try Directory(parent).sync()
    }
    return isNew
  }

  /// Says who may go into it.
  func share(_ access: FileAccess) throws(SystemError) {
    try access.apply(toOpen: number, named: path)
  }

  /// Whose it is.
  func owner() throws(SystemError) -> UInt32 {
    var status = stat()
    guard unsafe fstat(number, &status) == 0 else { throw SystemError.last("fstat", path) }
    return status.st_uid
  }

  /// Makes the names in it durable.
  func sync() throws(SystemError) {
    guard retryingInterrupts({ fsync(number) }) == 0 else {
      throw SystemError.last("fsync", path)
    }
  }

  /// Locks it for this open directory alone; false where somebody else has. Freed by the kernel when the
  /// process dies, held while it is stopped.
  func lock() throws(SystemError) -> Bool {
    if retryingInterrupts({ flock(number, LOCK_EX | LOCK_NB) }) == 0 { return true }
    if errno == EWOULDBLOCK { return false }
    throw SystemError.last("flock", path)
  }

  /// Whether its name is gone, or is another directory's.
  var isReplaced: Bool {
    var own = stat()
    var named = stat()
    guard unsafe fstat(number, &own) == 0, own.st_nlink > 0, unsafe stat(path, &named) == 0
    else { return true }
    return own.st_dev != named.st_dev || own.st_ino != named.st_ino
  }

  /// What a name in it stands for now; nil where there is none.
  func stamp(of name: String) -> FileStamp? {
    var status = stat()
    guard unsafe fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    return FileStamp(status)
  }

  /// Takes a name away; false where there was none.
  @discardableResult
  func unlink(_ name: String) throws(SystemError) -> Bool {
    if unsafe unlinkat(number, name, 0) == 0 { return true }
    let failure = SystemError.last("unlink", path + "/" + name)
    if failure.code == ENOENT { return false }
    throw failure
  }

  /// Takes an empty directory away; it may be gone already, or hold something of somebody's.
  static func remove(_ path: String) { unsafe _ = rmdir(path) }
}

import Glibc

/// Which file a name or a descriptor stands for, whatever the name says later.
struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let inode: UInt64
}

/// Who may do what with a file.
struct FileOwnership: Equatable, Sendable {
  let uid: UInt32
  let gid: UInt32
  /// Permission bits only.
  let mode: UInt32
}

/// One open segment: a POSIX shared-memory object, or a file.
///
/// `name` says which, and where it is (`SegmentLocation`). Closing it leaves the object and every
/// mapping of it in place; only `unlink` takes the name away, and even then the memory stays until
/// the last mapping and descriptor are gone.
@safe
struct SharedMemory: ~Copyable, Sendable {
  let descriptor: Descriptor
  let name: String

  private init(_ number: Int32, _ name: String) {
    descriptor = Descriptor(owning: number)
    self.name = name
  }

  /// Makes a new, empty object for its owner alone; fails with `EEXIST` where the name is taken.
  static func create(_ name: String) throws(SystemError) -> SharedMemory {
    try SharedMemory(opened(name, O_RDWR | O_CREAT | O_EXCL), name)
  }

  static func open(_ name: String, writable: Bool) throws(SystemError) -> SharedMemory {
    try SharedMemory(opened(name, writable ? O_RDWR : O_RDONLY), name)
  }

  private static func opened(_ name: String, _ flags: Int32) throws(SystemError) -> Int32 {
    // Not blocking: whoever may write to the directory could leave a pipe of this name.
    let isObject = SegmentLocation(of: name) == .memory
    let number = retryingInterrupts {
      isObject
        ? unsafe shm_open(name, flags | O_CLOEXEC | O_NONBLOCK, 0o600)
        : unsafe Glibc.open(name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    }
    guard number >= 0 else { throw SystemError.last(isObject ? "shm_open" : "open", name) }
    return number
  }

  /// The same object once more, whatever its name stands for by now, with a descriptor of its own.
  func duplicated() throws(SystemError) -> SharedMemory {
    SharedMemory(try reopened(writable: true).release(), name)
  }

  /// Makes the object `byteCount` long with every page really there.
  ///
  /// Where there is a disk behind it, its blocks are there too; their bytes follow with the first sync.
  /// A size that is only promised (`ftruncate`) kills whoever touches a page that a full `/dev/shm`
  /// cannot give. Where there is no room this fails with `ENOSPC` and keeps nothing.
  func allocate(byteCount: Int) throws(SystemError) {
    var code: Int32
    // Ends because each turn needs one more signal.
    repeat { code = posix_fallocate(descriptor.number, 0, byteCount) } while code == EINTR
    try SystemError.check(code, "posix_fallocate", "\(name) to \(byteCount) bytes")
  }

  /// Writes zeroes over the first `byteCount` bytes, which `allocate` has just made: the kernel clears a page
  /// only when it is first used. In large pieces that takes half as long as by a fault for each page.
  func clear(byteCount: Int) throws(SystemError) {
    let zeroes = [UInt8](repeating: 0, count: min(byteCount, 1 << 20))
    var done = 0
    while done < byteCount {
      let count = unsafe pwrite(
        descriptor.number, zeroes, min(zeroes.count, byteCount - done), done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw SystemError.last("pwrite", "\(name) to \(byteCount) bytes") }
      done += count
    }
  }

  /// Makes the object `byteCount` long without any page of it: what is to be said of the pages has to
  /// be said before `allocate` makes them.
  func promise(byteCount: Int) throws(SystemError) {
    guard ftruncate(descriptor.number, byteCount) == 0 else {
      throw SystemError.last("ftruncate", "\(name) to \(byteCount) bytes")
    }
  }

  func byteCount() throws(SystemError) -> Int { Int(try status().st_size) }

  /// Whether it has lost its name, and with it every way for somebody new to find it. That is for ever.
  var isUnlinked: Bool { (try? status().st_nlink) == 0 }

  func identity() throws(SystemError) -> FileIdentity { FileIdentity(try status()) }

  func ownership() throws(SystemError) -> FileOwnership { FileOwnership(try status()) }

  /// Opens the same object once more: a new open file description with locks of its own.
  ///
  /// Goes through `/proc/self/fd`, so that it finds this very object even when its name is gone or
  /// belongs to another one by now. The file's permissions are checked again.
  func reopened(writable: Bool) throws(SystemError) -> Descriptor {
    try Descriptor(
      path: "/proc/self/fd/\(descriptor.number)",
      flags: (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK)
  }

  /// Gives it to another user, which only root may.
  func setOwner(_ uid: UInt32) throws(SystemError) {
    guard fchown(descriptor.number, uid, .max) == 0 else {
      throw SystemError.last("fchown", "\(name) to uid \(uid)")
    }
  }

  /// Puts it on the disk behind it, size and name included; nothing to do in shared memory.
  func synchronize() throws(SystemError) {
    guard case .files(let directory) = SegmentLocation(of: name) else { return }
    guard fsync(descriptor.number) == 0 else { throw SystemError.last("fsync", name) }
    let parent = try Descriptor(path: directory, flags: O_RDONLY | O_DIRECTORY)
    guard fsync(parent.number) == 0 else { throw SystemError.last("fsync", directory) }
  }

  private func status() throws(SystemError) -> stat {
    var status = stat()
    guard unsafe fstat(descriptor.number, &status) == 0 else {
      throw SystemError.last("fstat", name)
    }
    return status
  }
}

extension FileIdentity {
  fileprivate init(_ status: stat) {
    self.init(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }
}

extension FileOwnership {
  fileprivate init(_ status: stat) {
    self.init(uid: status.st_uid, gid: status.st_gid, mode: status.st_mode & 0o7777)
  }
}

// What can be asked of names, without opening anything.
extension SharedMemory {
  static let directory = "/dev/shm"

  /// Whether a name can be taken away by its owner only, as is usual where everybody may write.
  static var onlyOwnersRemove: Bool {
    var status = stat()
    return unsafe stat(directory, &status) == 0 && status.st_mode & S_ISVTX != 0
      && status.st_uid != geteuid()
  }

  /// What `name` stands for now; nil where there is no such object.
  static func identity(of name: String) throws(SystemError) -> FileIdentity? {
    try status(of: name).map { FileIdentity($0) }
  }

  /// Whose `name` is; nil where there is no such object. Needs no right to open it.
  static func ownership(of name: String) throws(SystemError) -> FileOwnership? {
    try status(of: name).map { FileOwnership($0) }
  }

  private static func status(of name: String) throws(SystemError) -> stat? {
    var status = stat()
    let path = SegmentLocation.path(of: name)
    // Links are not followed: `shm_open` refuses them.
    guard unsafe lstat(path, &status) == 0 else {
      let failure = SystemError.last("lstat", path)
      if failure.code == ENOENT { return nil }
      throw failure
    }
    return status
  }

  /// Takes the name away; false where there was none. Whoever has the object open keeps it.
  static func unlink(_ name: String) throws(SystemError) -> Bool {
    let isObject = SegmentLocation(of: name) == .memory
    if unsafe (isObject ? shm_unlink(name) : Glibc.unlink(name)) == 0 { return true }
    let failure = SystemError.last(isObject ? "shm_unlink" : "unlink", name)
    if failure.code == ENOENT { return false }
    throw failure
  }

  /// The names of segments that would begin with `prefix` in shared memory, sorted; each as it is called
  /// where it lives.
  static func names(
    withPrefix prefix: String, in location: SegmentLocation = .memory
  ) throws(SystemError) -> [String] {
    let directory = location.directory
    guard let stream = unsafe opendir(directory) else {
      throw SystemError.last("opendir", directory)
    }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    errno = 0
    // Ends with the directory.
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { bytes in
        unsafe bytes.withMemoryRebound(to: CChar.self, capacity: 256) { text in
          unsafe "/" + String(cString: text)
        }
      }
      if name.hasPrefix(prefix) { names.append(location.name(name)) }
      errno = 0
    }
    guard errno == 0 else { throw SystemError.last("readdir", directory) }
    return names.sorted()
  }

  /// Bytes of the file system in all and still free; both 0 for a tmpfs that is mounted without a limit.
  static func space(
    in location: SegmentLocation = .memory
  ) throws(SystemError) -> (total: Int, free: Int) {
    let directory = location.directory
    var status = statvfs()
    guard unsafe statvfs(directory, &status) == 0 else {
      throw SystemError.last("statvfs", directory)
    }
    let block = Int(status.f_frsize)
    return (Int(status.f_blocks) * block, Int(status.f_bavail) * block)
  }
}

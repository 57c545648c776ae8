import Glibc
import Synchronization
import ToolSupport

/// Shared memory that has no name: nothing is left of it, whoever dies.
@safe
final class SharedPages {
  /// Under which another process opens it, while this one holds it.
  let path: String
  private let file: Int32
  private let base: UnsafeMutableRawPointer
  private let byteCount: Int

  /// Really there, as a bus's segments are.
  static func create(byteCount: Int) throws -> SharedPages {
    let name = "/shmbus-bench-\(getpid())"
    let file = unsafe shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Failure.system("cannot make shared memory '\(name)'", errno) }
    unsafe _ = shm_unlink(name)
    guard posix_fallocate(file, 0, byteCount) == 0 else {
      close(file)
      throw Failure(.cannotCreate, "/dev/shm is full; remove what is not needed there")
    }
    return try SharedPages(file, path: "/proc/\(getpid())/fd/\(file)", byteCount)
  }

  /// What another process has created.
  static func open(_ path: String, byteCount: Int) throws -> SharedPages {
    let file = unsafe Glibc.open(path, O_RDWR | O_CLOEXEC)
    guard file >= 0 else { throw Failure.system("cannot open '\(path)'", errno) }
    return try SharedPages(file, path: path, byteCount)
  }

  private init(_ file: Int32, path: String, _ byteCount: Int) throws {
    let mapped = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      let code = errno
      close(file)
      throw Failure.system("cannot map '\(path)'", code)
    }
    self.file = file
    self.path = path
    self.byteCount = byteCount
    unsafe base = mapped
  }

  deinit {
    unsafe _ = munmap(base, byteCount)
    close(file)
  }

  /// Writes to each page.
  func touch() {
    for place in stride(from: 0, to: byteCount, by: 4096) {
      unsafe base.storeBytes(of: 1, toByteOffset: place, as: UInt8.self)
    }
  }

  /// The first word.
  var word: UnsafePointer<Atomic<UInt32>> {
    unsafe UnsafePointer(base.assumingMemoryBound(to: Atomic<UInt32>.self))
  }
}

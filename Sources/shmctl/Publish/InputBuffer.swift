import Glibc
import ToolSupport

/// Bytes read from a file or pipe in big blocks, handed out as records that lie whole in memory.
@safe
struct InputBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  private var start = 0
  private var end = 0
  private let descriptor: Int32
  /// Reading a regular file never blocks; anything else is waited for, so that a signal can end it.
  private let isFile: Bool
  /// Whether the end of the input has been met.
  private(set) var isAtEnd = false
  /// Bytes of the whole input, where it is a regular file.
  let size: Int?

  /// Opens a file, or standard input for nil and "-".
  init(path: String?, capacity: Int = 1 << 19) throws {
    if let path, path != "-" {
      descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
      if descriptor < 0 { throw Failure.system("cannot open '\(path)'", errno) }
    } else {
      descriptor = STDIN_FILENO
    }
    var status = stat()
    let isKnown = unsafe fstat(descriptor, &status) == 0
    isFile = isKnown && status.st_mode & S_IFMT == S_IFREG
    size = isFile ? Int(status.st_size) : nil
    self.capacity = capacity
    unsafe base = .allocate(byteCount: capacity, alignment: 64)
  }

  deinit {
    unsafe base.deallocate()
    if descriptor != STDIN_FILENO { close(descriptor) }
  }

  /// What was read and not yet consumed. Valid until the next `fill`.
  var unread: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: base + start, count: end - start)
  }

  /// Gives the first `count` unread bytes up.
  mutating func consume(_ count: Int) { start += count }

  /// Reads more behind what is unread, which may move in memory.
  mutating func fill() throws {
    if start == end {
      start = 0
      end = 0
    } else if end == capacity {
      makeRoom()
    }
    if !isFile, !Interrupt.awaitInput(on: descriptor) { throw Interrupted() }
    let count = unsafe read(descriptor, base + end, capacity - end)
    if count > 0 {
      end += count
    } else if count == 0 {
      isAtEnd = true
    } else if errno != EINTR && errno != EAGAIN {
      throw Failure.system("cannot read the input", errno)
    }
    try Interrupted.check()
  }

  /// Moves what is unread to the front; grows where a single record fills everything.
  private mutating func makeRoom() {
    let count = end - start
    if count > capacity / 2 {
      let larger = UnsafeMutableRawPointer.allocate(
        byteCount: capacity * 2, alignment: 64)
      unsafe larger.copyMemory(from: base + start, byteCount: count)
      unsafe base.deallocate()
      unsafe base = larger
      capacity *= 2
    } else {
      unsafe memmove(base, base + start, count)
    }
    start = 0
    end = count
  }
}

import Glibc
import ShmBus
import ToolSupport

/// What the words of the command line stand for: a bus, or files.
struct Subject {
  let name: String
  let segments: [Segment]
  /// Whether it is a whole bus: of files, any will do.
  let isWhole: Bool

  init(_ words: [String]) throws {
    guard let first = words.first else {
      throw Failure(
        usage: "dump-shm needs a bus or files; 'shmctl list' shows what exists, "
          + "'dump-shm --help' what can be asked")
    }
    if words.count == 1, !first.contains("/"), !first.contains(".") {
      do {
        segments = try Bus.segments(of: first)
        name = first
        isWhole = true
        return
      } catch {
        // A file of that name in this directory will do.
        guard error.code == .notFound, unsafe access(first, F_OK) == 0 else { throw error }
      }
    }
    let files = try words.map { try Self.open($0, among: words.count) }
    guard files.count(where: { $0.kind == .control }) < 2 else {
      throw Failure(usage: "these are control segments of several buses; look at one bus at a time")
    }
    segments = files
    name = Self.name(of: first)
    isWhole = false
  }

  private static func open(_ path: String, among count: Int) throws -> Segment {
    do { return try Segment(path: path) } catch {
      switch error.code {
      case ENOENT where !path.contains("/") && count > 1:
        throw Failure(
          .noInput,
          "there is no file '\(path)'; several words are files, a bus is looked at by itself")
      case ENOENT:
        throw Failure(
          .noInput, "there is no file '\(path)'; 'shmctl list' shows the buses that exist")
      case EACCES, EPERM:
        throw Failure(
          .permission, "you may not read '\(path)'; ask its owner, or run as that user")
      case ENOTSUP, EISDIR:
        throw Failure(
          usage: "'\(path)' is no file; give a bus's name, or the files copied from /dev/shm")
      default: throw Failure.system("cannot read '\(path)'", error.code)
      }
    }
  }

  /// `orders` for `/tmp/shmbus.orders.control`.
  private static func name(of path: String) -> String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    let parts = file.split(separator: ".")
    return parts.count > 2 ? String(parts[1]) : file
  }
}

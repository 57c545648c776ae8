import Glibc
import ShmBus
import ToolSupport

/// What the words of the command line stand for: a bus, or files.
enum Subject {
  static func segments(of words: [String]) throws -> (name: String, segments: [Segment]) {
    guard let first = words.first else {
      throw Failure(
        usage: "dump-shm needs a bus or files; 'shmctl list' shows what exists, "
          + "'dump-shm --help' what can be asked")
    }
    if words.count == 1, !first.contains("/"), !first.contains(".") {
      do { return (first, try Bus.segments(of: first)) } catch {
        // A file of that name in this directory will do.
        guard error.code == .notFound, unsafe access(first, F_OK) == 0 else { throw error }
      }
    }
    return (name(of: first), try words.map { try open($0, among: words.count) })
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

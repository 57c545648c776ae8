/// Where segments live: in shared memory, or as files in a directory of a file system.
///
/// A segment is called by one string everywhere. With one slash, at its beginning, it is an object in
/// shared memory (`/shmbus.orders.p0`); with more it is a file, by its path
/// (`/var/lib/buses/shmbus.orders.p0`). Both are mapped alike; they differ in how they are opened, and in
/// what outlives the host.
enum SegmentLocation: Hashable, Sendable {
  case memory
  case files(directory: String)

  /// Shared memory where no directory is given.
  init(directory: String?) { self = directory.map { .files(directory: $0) } ?? .memory }

  /// Where the segment that is called so lives.
  init(of segment: String) {
    let directory = segment.prefix(upTo: segment.lastIndex(of: "/") ?? segment.startIndex)
    self = directory.isEmpty ? .memory : .files(directory: String(directory))
  }

  /// What a segment is called here whose name in shared memory would be `object`.
  func name(_ object: String) -> String {
    switch self {
    case .memory: object
    case .files(let directory): directory + object
    }
  }

  var directory: String {
    switch self {
    case .memory: "/dev/shm"
    case .files(let directory): directory
    }
  }

  /// The file that the kernel keeps a segment in.
  static func path(of segment: String) -> String {
    SegmentLocation(of: segment) == .memory ? "/dev/shm" + segment : segment
  }
}

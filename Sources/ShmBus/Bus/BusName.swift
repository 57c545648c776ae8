import Glibc

/// A bus's validated name, and what its segments are called.
///
/// ```
///   /shmbus.NAME.control   /shmbus.NAME.p0   /shmbus.NAME.p1 ...
///   /shmbus-x.NAME.control ...                                     with SHMBUS_NAMESPACE=x
/// ```
struct BusName: Hashable, Sendable {
  let name: String
  let namespace: String

  /// Accepts `[A-Za-z0-9_-]{1,64}`; the namespace defaults to the environment's.
  init(_ name: String, namespace: String? = nil) throws(BusError) {
    let space = namespace ?? Self.environmentNamespace
    guard Self.isValid(name) else {
      throw BusError(
        .usage, "'\(name)' is not a bus name: use 1 to 64 letters, digits, '-' or '_'")
    }
    guard space.isEmpty || Self.isValid(space) else {
      throw BusError(
        .usage,
        "SHMBUS_NAMESPACE is '\(space)': use 1 to 64 letters, digits, '-' or '_', or unset it")
    }
    self.name = name
    self.namespace = space
  }

  static var environmentNamespace: String {
    unsafe getenv("SHMBUS_NAMESPACE").map { unsafe String(cString: $0) } ?? ""
  }

  static func isValid(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  static func prefix(namespace: String) -> String {
    namespace.isEmpty ? "/shmbus." : "/shmbus-\(namespace)."
  }
  private var prefix: String { Self.prefix(namespace: namespace) + name + "." }

  var control: String { prefix + "control" }
  func partition(_ partition: Int) -> String { prefix + "p\(partition)" }
  /// Every segment of this bus starts like this.
  var segmentPrefix: String { prefix }
}

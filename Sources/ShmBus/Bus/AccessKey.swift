import CShmBus
import Glibc

/// A secret that a bus asks for when it is opened: a guard against attaching to the wrong bus.
///
/// It replaces no file mode: whoever may open the segments can read them without this library, key or not. The
/// bus keeps a salted SHA-256 of it. It is never printed, and compared in a time that does not depend on where
/// two keys differ.
public struct AccessKey: Sendable {
  private let secret: [UInt8]

  /// A key of these bytes.
  ///
  /// - Throws: ``BusError`` `.usage` unless there are 16 to 4,096 of them.
  public init(_ secret: [UInt8]) throws(BusError) {
    guard (16...4096).contains(secret.count) else {
      throw BusError(
        .usage,
        "an access key has 16 to 4,096 bytes; 'head -c 32 /dev/urandom > FILE' makes one")
    }
    self.secret = secret
  }

  /// All bytes of a file that nobody but its owner may read.
  ///
  /// - Throws: ``BusError`` `.notFound`; `.permission` for a file that is not yours alone; `.usage` for one
  ///   that is too short or too long.
  public init(file path: String) throws(BusError) {
    let bytes: [UInt8]?
    do { bytes = try Self.bytes(at: path) } catch {
      throw BusError(
        error.code == ENOENT ? .notFound : .permission, "cannot read the access key", error)
    }
    guard let bytes else {
      throw BusError(
        .permission,
        "the access key in \(path) is not yours alone: it must be a file of uid \(geteuid()) that "
          + "no other may read; 'chmod 600 \(path)' makes it so")
    }
    try self.init(bytes)
  }

  /// Nil where somebody else may read it, too.
  private static func bytes(at path: String) throws(SystemError) -> [UInt8]? {
    // Not blocking: a pipe of that name must not hold us before we see what it is.
    let file = try Descriptor(path: path, flags: O_RDONLY | O_NONBLOCK)
    var status = stat()
    guard unsafe fstat(file.number, &status) == 0 else { throw SystemError.last("fstat", path) }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
      status.st_mode & 0o077 == 0
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: 4097)
    let count = unsafe read(file.number, &bytes, bytes.count)
    guard count >= 0 else { throw SystemError.last("read", path) }
    return Array(bytes.prefix(count))
  }

  /// What a bus keeps of it. The salt makes two buses with one key look different.
  func digest(salt: [UInt8]) -> [UInt8] { SHA256.digest(of: salt + secret) }
}

extension AccessKey {
  /// Refuses a key that is not the bus's, a missing one, and one for a bus that has none.
  static func check(
    _ key: AccessKey?, _ header: shmbus_control_header, _ name: String
  ) throws(BusError) {
    let kept = unsafe withUnsafeBytes(of: header.key_digest) { unsafe Array($0) }
    let salt = unsafe withUnsafeBytes(of: header.key_salt) { unsafe Array($0) }
    let isAsked = kept.contains { $0 != 0 }
    switch (key, isAsked) {
    case (nil, false): return
    case (nil, true):
      throw BusError(
        .permission,
        "bus '\(name)' has an access key: give it with '--key-file FILE', or to Bus.open")
    case (.some, false):
      throw BusError(
        .permission,
        "bus '\(name)' has no access key, so it is not the one you mean; if it is, leave out "
          + "--key-file")
    case (let key?, true):
      // All bytes, whatever the first ones say.
      let difference = zip(key.digest(salt: salt), kept).reduce(UInt8(0)) { $0 | $1.0 ^ $1.1 }
      guard difference == 0 else {
        throw BusError(.permission, "the access key is not the one of bus '\(name)'")
      }
    }
  }
}

extension AccessKey: CustomStringConvertible, CustomReflectable {
  /// Says nothing of the secret, wherever it is printed.
  public var description: String { "an access key" }
  /// Has no children.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

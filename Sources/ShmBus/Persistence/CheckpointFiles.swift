import CShmBus
import Glibc

/// The two copies of a bus's checkpoint in its state directory, written in turn: while one is being
/// written, the other is whole. One process at a time has them: the directory is locked.
///
/// ```
///   STATE/shmbus/NAME/meta.0   number 41      the older one is overwritten, then synced:
///   STATE/shmbus/NAME/meta.1   number 42      whoever dies at it leaves 42
/// ```
final class CheckpointFiles {
  static let names = ["meta.0", "meta.1"]

  private let directory: Directory
  private var copies: [Copy]

  /// What is known of one copy.
  private struct Copy {
    /// Nil where it is damaged, half written or empty.
    var checkpoint: Checkpoint?
    /// What the file was after it was written.
    var stamp: FileStamp?
    /// Why it was found damaged.
    var fault: CheckpointFault?
  }

  /// Opens the copies of a directory, and makes what is missing if `access` says with which rights.
  ///
  /// - Throws: `SystemError`; `EBUSY` where another process has them, `EPERM` where the directory is not
  ///   `owner`'s.
  init(
    _ path: String, owner: UInt32? = nil,
    creating access: (folder: FileAccess, files: FileAccess)? = nil
  ) throws(SystemError) {
    if let access, owner == geteuid(), try Directory.make(path) {
      try Directory(path).share(access.folder)
    }
    directory = try Directory(path)
    if let owner, try directory.owner() != owner {
      throw SystemError(call: "use", subject: path, code: EPERM)
    }
    guard try Self.lock(directory) else {
      throw SystemError(call: "flock", subject: path, code: EBUSY)
    }
    copies = []
    for name in Self.names {
      let isNew = directory.stamp(of: name) == nil
      guard !isNew || access != nil else {
        copies.append(Copy())
        continue
      }
      let file = try DurableFile(name, in: directory, create: true)
      if isNew, let access { try file.share(access.files) }
      let bytes = try file.read(atMost: Checkpoint.longestFile)
      var copy = Copy(stamp: try file.stamp())
      do throws(CheckpointFault) {
        copy.checkpoint = try Checkpoint(decoding: bytes, named: path + "/" + name)
      } catch { copy.fault = error }
      copies.append(copy)
      if isNew { try directory.sync() }
    }
  }

  /// A process that this one is starting has all its descriptors until it runs its program: what was let go
  /// a moment ago may still be locked by that.
  private static func lock(_ directory: borrowing Directory) throws(SystemError) -> Bool {
    for _ in 0..<100 {
      if try directory.lock() { return true }
      usleep(1_000)
    }
    return false
  }

  /// The newest that is whole.
  var newest: Checkpoint? {
    copies.compactMap(\.checkpoint).max { $0.number < $1.number }
  }

  /// What is wrong with the copies, one after the other.
  var faults: String { copies.compactMap(\.fault?.description).joined(separator: "; ") }

  /// The ceiling of a partition that each of the two copies has, whichever is lost; 0 where one does not.
  func covered(_ partition: Int, generation: UInt64) -> Offset {
    copies.map { copy in
      guard let checkpoint = copy.checkpoint, checkpoint.image.generation == generation,
        checkpoint.image.partitions.indices.contains(partition)
      else { return 0 }
      return checkpoint.ceiling(of: partition)
    }.min() ?? 0
  }

  /// Whether both are as they were written: nobody has deleted, replaced or changed one.
  var areUndisturbed: Bool {
    guard !directory.isReplaced else { return false }
    return zip(Self.names, copies).allSatisfy { name, copy in
      copy.stamp != nil && copy.stamp == directory.stamp(of: name)
    }
  }

  /// Whether both copies say what `checkpoint` says.
  func hold(_ checkpoint: Checkpoint) -> Bool {
    copies.allSatisfy { $0.checkpoint?.image.hasContents(of: checkpoint.image) == true }
  }

  /// The number of the next one to write.
  var nextNumber: UInt64 { (newest?.number ?? 0) + 1 }

  /// Writes over the older or broken copy; returns when it is on the disk. On failure that copy is lost,
  /// and is the next one to be written.
  func write(_ checkpoint: Checkpoint) throws(SystemError) {
    let target = older
    let bytes = checkpoint.image.encoded()
    copies[target] = Copy()
    let file = try DurableFile(Self.names[target], in: directory, create: false)
    try file.write(bytes)
    if try file.stamp().size > bytes.count { try file.resize(to: bytes.count) }
    try file.sync()
    copies[target] = Copy(checkpoint: checkpoint, stamp: try file.stamp())
  }

  private var older: Int {
    guard let first = copies[0].checkpoint else { return 0 }
    guard let second = copies[1].checkpoint else { return 1 }
    return first.number <= second.number ? 0 : 1
  }
}

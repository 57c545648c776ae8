import CShmBus
import Glibc

/// Who may do what with a file, by the kernel: its group, its mode, and a second group by a POSIX access list.
struct FileAccess: Equatable, Sendable {
  /// A group beside the one that the file belongs to.
  struct Grant: Equatable, Sendable {
    let group: UInt32
    /// Three bits, as in a mode.
    let rights: UInt32
  }

  /// The group it belongs to.
  let group: UInt32
  /// Permission bits for its user, its group and all others.
  let mode: UInt32
  /// The second group; nil for none.
  var second: Grant?
  /// Whether its access list says more than that.
  private(set) var saysMore = false

  init(group: UInt32, mode: UInt32, second: Grant? = nil) {
    self.group = group
    self.mode = mode
    self.second = second
  }

  /// What whoever may read may do with a directory that holds such files: enter it, too.
  var ofDirectory: FileAccess {
    func entering(_ bits: UInt32) -> UInt32 { bits | (bits & 0o444) >> 2 }
    return FileAccess(
      group: group, mode: entering(mode),
      second: second.map { Grant(group: $0.group, rights: entering($0.rights)) })
  }

  /// Sets it exactly; a mode given at creation is cut by the umask.
  ///
  /// In the order in which nobody gets rights for a moment that he is not to have, if the file was its owner's
  /// alone.
  func apply(to file: borrowing Descriptor, named name: String) throws(SystemError) {
    try apply(toOpen: file.number, named: name)
  }

  /// The same for a descriptor that its caller keeps open.
  func apply(toOpen file: Int32, named name: String) throws(SystemError) {
    var status = stat()
    guard unsafe fstat(file, &status) == 0 else { throw SystemError.last("fstat", name) }
    if status.st_gid != group {
      guard fchown(file, .max, group) == 0 else {
        throw SystemError.last("fchown", "\(name) to group \(group)")
      }
    }
    guard fchmod(file, mode) == 0 else { throw SystemError.last("fchmod", name) }
    let list = AccessList(self).words
    let code = unsafe list.withUnsafeBytes { bytes in
      unsafe shmbus_set_access_list(file, bytes.baseAddress, bytes.count)
    }
    // The list of a single group says what the mode says: where lists are not kept, none is in the way.
    if second == nil, code == EOPNOTSUPP { return }
    try SystemError.check(code, "fsetxattr", "\(name), access list")
  }

  /// What the file at `path` has; needs no right to open it. Nil where there is none.
  static func of(path: String) throws(SystemError) -> FileAccess? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else {
      let failure = SystemError.last("lstat", path)
      if failure.code == ENOENT { return nil }
      throw failure
    }
    var words = [UInt32](repeating: 0, count: 64)
    let count = unsafe words.withUnsafeMutableBytes { bytes in
      unsafe shmbus_access_list(path, bytes.baseAddress, bytes.count)
    }
    var access = FileAccess(group: status.st_gid, mode: status.st_mode & 0o777)
    guard count != 0 else { return access }
    let list = count < 0 ? [] : AccessList.entries(words.prefix(count / 4))
    // With a list, the mode's group bits are the most that any group has.
    guard let own = list.first(where: { $0.tag == .group }) else {
      access.saysMore = true
      return access
    }
    let grants = list.filter { $0.tag == .namedGroup }
    access = FileAccess(
      group: status.st_gid, mode: access.mode & ~0o070 | own.rights << 3,
      second: grants.first.map { Grant(group: $0.id, rights: $0.rights) })
    access.saysMore = grants.count > 1 || list.contains { $0.tag == .namedUser }
    return access
  }
}

/// A POSIX access list as the kernel takes it: a version, then entries of tag, rights and id, in the order of
/// their tags.
private struct AccessList {
  enum Tag: UInt32 {
    case user = 0x01
    case namedUser = 0x02
    case group = 0x04
    case namedGroup = 0x08
    case mask = 0x10
    case others = 0x20
  }

  struct Entry {
    let tag: Tag
    let rights: UInt32
    var id: UInt32 = .max
  }

  private let entries: [Entry]

  init(_ access: FileAccess) {
    let (user, group, others) = (access.mode >> 6 & 7, access.mode >> 3 & 7, access.mode & 7)
    var entries = [Entry(tag: .user, rights: user), Entry(tag: .group, rights: group)]
    if let second = access.second {
      entries += [
        Entry(tag: .namedGroup, rights: second.rights, id: second.group),
        Entry(tag: .mask, rights: group | second.rights),
      ]
    }
    self.entries = entries + [Entry(tag: .others, rights: others)]
  }

  var words: [UInt32] {
    [UInt32(2).littleEndian]
      + entries.flatMap { [($0.tag.rawValue | $0.rights << 16).littleEndian, $0.id.littleEndian] }
  }

  static func entries(_ words: ArraySlice<UInt32>) -> [Entry] {
    stride(from: 1, to: words.count - 1, by: 2).compactMap { place in
      let word = UInt32(littleEndian: words[place])
      return Tag(rawValue: word & 0xffff).map {
        Entry(tag: $0, rights: word >> 16 & 7, id: UInt32(littleEndian: words[place + 1]))
      }
    }
  }
}

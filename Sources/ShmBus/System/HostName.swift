import Glibc

/// What this host calls users and groups, for people and for commands to type.
enum HostName {
  /// The user's name, or its number where it has none.
  static func user(_ uid: UInt32) -> String { userName(uid) ?? "\(uid)" }

  /// The group's name, or its number where it has none.
  static func group(_ gid: UInt32) -> String { groupName(gid) ?? "\(gid)" }

  /// "1000 (alice)", or "1000".
  static func numberedUser(_ uid: UInt32) -> String {
    userName(uid).map { "\(uid) (\($0))" } ?? "\(uid)"
  }

  /// "100 (users)", or "100".
  static func numberedGroup(_ gid: UInt32) -> String {
    groupName(gid).map { "\(gid) (\($0))" } ?? "\(gid)"
  }

  private static func userName(_ uid: UInt32) -> String? {
    var text = [CChar](repeating: 0, count: 4096)
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    guard unsafe getpwuid_r(uid, &entry, &text, text.count, &found) == 0,
      let found = unsafe found
    else { return nil }
    return unsafe String(cString: found.pointee.pw_name)
  }

  private static func groupName(_ gid: UInt32) -> String? {
    // A group's entry names its members, too: more room.
    var text = [CChar](repeating: 0, count: 1 << 16)
    var entry = unsafe Glibc.group()
    var found: UnsafeMutablePointer<group>?
    guard unsafe getgrgid_r(gid, &entry, &text, text.count, &found) == 0,
      let found = unsafe found
    else { return nil }
    return unsafe String(cString: found.pointee.gr_name)
  }
}

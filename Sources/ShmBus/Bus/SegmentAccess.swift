import CShmBus
import Glibc

/// Who may open what belongs to a bus. The kernel keeps to it: subscribers of a bus with a subscribe group
/// cannot write a message, whatever their program does.
///
/// ```
///   asked for             control segment             partition segments, state directory
///   nothing               mode                        mode
///   group G               G, mode                     G, mode                  mode is 0660 unless given
///   subscribe group S     S, group rw                 S, group r
///   publish group P       P, group rw                 P, group rw
///   both                  P rw, and S rw              P rw, and S r            (POSIX access lists)
/// ```
struct SegmentAccess {
  let control: FileAccess
  /// Partition segments, and every file of the state directory: subscribers may look, and not write.
  let partition: FileAccess
  /// The state directory itself.
  var stateDirectory: FileAccess { partition.ofDirectory }

  init(_ configuration: BusConfiguration) {
    let mode = configuration.mode
    let own = configuration.group ?? getegid()
    let shared = mode | 0o060
    switch (configuration.publishGroup, configuration.subscribeGroup) {
    case (nil, nil):
      control = FileAccess(group: own, mode: mode)
      partition = control
    case (nil, let subscribers?):
      control = FileAccess(group: subscribers, mode: shared)
      partition = FileAccess(group: subscribers, mode: mode & ~0o070 | 0o040)
    case (let publishers?, nil):
      control = FileAccess(group: publishers, mode: shared)
      partition = control
    case (let publishers?, let subscribers?):
      func access(_ rights: UInt32) -> FileAccess {
        let grant = FileAccess.Grant(group: subscribers, rights: rights)
        return FileAccess(group: publishers, mode: shared, second: grant)
      }
      control = access(0o6)
      partition = access(0o4)
    }
  }
}

extension FileAccess {
  /// As a partition's own header keeps it: out of reach of who may only write the control segment.
  init(_ header: shmbus_partition_header) {
    self.init(
      group: header.gid, mode: header.mode & 0o777,
      second: header.second_gid == .max
        ? nil : Grant(group: header.second_gid, rights: header.second_rights & 7))
  }

  func write(to header: inout shmbus_partition_header) {
    header.mode = mode
    header.gid = group
    header.second_gid = second?.group ?? .max
    header.second_rights = second?.rights ?? 0
  }

  /// "gid 100, mode 0660; gid 101 r".
  var text: String {
    let letters = ["-", "x", "w", "wx", "r", "rx", "rw", "rwx"]
    return "gid \(group), mode 0\(String(mode, radix: 8))"
      + (second.map { "; gid \($0.group) \(letters[Int($0.rights & 7)])" } ?? "")
      + (saysMore ? "; and more by its access list" : "")
  }
}

extension BusError {
  /// A segment that could not be given to the groups asked for.
  static func cannotShare(_ cause: SystemError, _ access: FileAccess) -> BusError {
    if cause.code == EOPNOTSUPP {
      return BusError(
        .unavailable,
        "/dev/shm keeps no access lists, so publishers and subscribers cannot have a group each; "
          + "give one of --publish-group and --subscribe-group", cause)
    }
    let group = HostName.group(access.group)
    return BusError(
      .permission,
      "you are \(ProcessIdentity.sentence) and may not give segments to gid \(access.group); create "
        + "the bus as a member ('sg \(group) \"shmctl create ...\"'), or as root", cause)
  }
}

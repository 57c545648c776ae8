import Glibc

// Refusals by the kernel: whose it is, what its mode allows, who you are, and what to type.

extension BusError {
  /// A segment that exists but cannot be opened.
  static func cannotOpen(
    _ segment: String, writing: Bool = true, _ cause: SystemError
  ) -> BusError {
    guard cause.code == EACCES || cause.code == EPERM else {
      return BusError(
        cause.code == ENOENT ? .damaged : .unavailable, "cannot open \(segment)", cause)
    }
    let path = SegmentLocation.path(of: segment)
    guard let owner = try? SharedMemory.ownership(of: segment)?.uid,
      let access = try? FileAccess.of(path: path)
    else {
      return BusError(
        .permission, "you are \(ProcessIdentity.sentence) and may not open \(segment)", cause)
    }
    return BusError(
      .permission,
      "\(segment) belongs to uid \(HostName.numberedUser(owner)), \(access.text), and you are "
        + "\(ProcessIdentity.sentence); \(wayIn(segment, owner, access, writing: writing))", cause)
  }

  /// A segment that somebody else left in our way: `/dev/shm` lets only owners take names away.
  static func cannotUnlink(_ segment: String, _ cause: SystemError) -> BusError {
    guard let owner = try? SharedMemory.ownership(of: segment)?.uid else {
      return BusError(.permission, "cannot remove \(segment)", cause)
    }
    return BusError(
      .permission,
      "\(segment) belongs to uid \(HostName.numberedUser(owner)), you are \(ProcessIdentity.sentence), "
        + "and /dev/shm lets only owners remove what is theirs; "
        + "'sudo rm \(SegmentLocation.path(of: segment))' removes it, or take another name", cause)
  }

  /// A command that would let this process in.
  private static func wayIn(
    _ segment: String, _ owner: UInt32, _ access: FileAccess, writing: Bool
  ) -> String {
    let needed: UInt32 = writing ? 6 : 4
    let own = FileAccess.Grant(group: access.group, rights: access.mode >> 3 & 7)
    let groups = [own] + (access.second.map { [$0] } ?? [])
    let mine = ProcessIdentity.groups
    if geteuid() != owner,
      let open = groups.last(where: {
        $0.rights & needed == needed && !mine.contains($0.group) && $0.group != 0
      })
    {
      let (group, user) = (HostName.group(open.group), HostName.user(geteuid()))
      return "'sudo usermod -aG \(group) \(user)' and a new login let you in"
    }
    let name = segment.dropFirst().split(separator: ".").dropFirst().first ?? "NAME"
    return "run it as its owner ('sudo -u \(HostName.user(owner)) ...'), or let the owner create "
      + "it for a group of yours ('shmctl create \(name) --group "
      + "\(HostName.group(getegid()))')"
  }
}

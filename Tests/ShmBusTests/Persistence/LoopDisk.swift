import Glibc
import TestSupport

@testable import ShmBus

/// A disk of 8 MiB of a test's own, which can be filled, frozen and made read-only. A shell looks after it: it
/// is thawed and gone when the test is, whatever became of that.
final class LoopDisk {
  /// Where it is mounted.
  let directory: String
  private let keeper: Actor

  /// Whether this host lets the test have one.
  static let isAllowed: Bool = {
    guard geteuid() == 0, runs(["sh", "-c", "command -v mkfs.ext4 fsfreeze losetup >/dev/null"])
    else { return false }
    return (try? LoopDisk()) != nil
  }()

  init() throws {
    let folder = "/var/tmp/shmbus-disk-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    directory = "\(folder)/disk"
    keeper = try Actor(command: ["sh", "-c", Self.script, "sh", folder])
    guard try keeper.line() == "ready" else {
      throw SystemError(call: "mount", subject: folder, code: EPERM)
    }
  }

  deinit {
    keeper.tell("end")
    _ = try? keeper.line()
  }

  /// What can be done with it.
  enum Deed: String { case fill, empty, freeze, thaw, protect, unprotect }

  func now(_ deed: Deed) throws {
    keeper.tell(deed.rawValue)
    guard try keeper.line() == "done" else {
      throw SystemError(call: deed.rawValue, subject: directory, code: EIO)
    }
  }

  private static let script = """
    mkdir -p "$1/disk" && truncate -s 8M "$1/image" && mkfs.ext4 -q -F "$1/image" \
      && mount -o loop "$1/image" "$1/disk" || { rm -rf "$1"; echo refused; exit; }
    echo ready
    while read -r deed; do
      case $deed in
        fill) dd if=/dev/zero of="$1/disk/fill" bs=64k 2>/dev/null; dd if=/dev/zero of="$1/disk/rest" bs=1k 2>/dev/null; sync ;;
        empty) rm -f "$1/disk/fill" "$1/disk/rest" ;;
        freeze) fsfreeze -f "$1/disk" ;;
        thaw) fsfreeze -u "$1/disk" ;;
        protect) mount -o remount,ro "$1/disk" ;;
        unprotect) mount -o remount,rw "$1/disk" ;;
        *) break ;;
      esac
      echo done
    done
    fsfreeze -u "$1/disk" 2>/dev/null
    umount -l "$1/disk"
    rm -rf "$1"
    echo gone
    """
}

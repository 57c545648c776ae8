/// Whether the host gives huge pages to shared memory: fewer entries of the TLB for the same bytes.
///
/// What counts for `/dev/shm` is the option its file system was mounted with. The knob
/// `shmem_enabled` is for other shared memory; of its values only `force` and `deny` reach here.
public struct HugePages: Sendable, Equatable {
  /// The mount's option `huge=`; `never` where it has none.
  public let mount: String
  /// What `shmem_enabled` is set to; nil in a kernel without transparent huge pages.
  public let knob: String?
  /// Bytes of a huge page that one entry of a page directory maps, where pages have 4 KiB.
  static let alignment = 2 << 20

  /// This host, seen from this process's mounts.
  public static func host() -> HugePages {
    HugePages(
      mounts: (try? KernelFile.text(at: "/proc/self/mountinfo")) ?? "",
      settings: "/sys/kernel/mm/transparent_hugepage")
  }

  init(mounts: String, settings: String) {
    mount = Self.option(in: mounts) ?? "never"
    // The one in force stands in brackets: "always [never] deny".
    knob = (try? KernelFile.line(at: settings + "/shmem_enabled")).flatMap { line in
      line.split(separator: " ").first { $0.hasPrefix("[") }.map {
        String($0.dropFirst().dropLast())
      }
    }
  }

  /// Whether shared memory that asks for them may get them; it gets them where whole ones are free.
  public var areGiven: Bool {
    guard let knob, knob != "deny" else { return false }
    return knob == "force" || ["always", "advise", "within_size"].contains(mount)
  }

  /// What the host offers, and what would change it.
  public var sentence: String {
    guard let knob else { return "the kernel has no transparent huge pages" }
    if knob == "deny" {
      return "forbidden by /sys/kernel/mm/transparent_hugepage/shmem_enabled (deny)"
    }
    if knob == "force" {
      return "given by /sys/kernel/mm/transparent_hugepage/shmem_enabled (force)"
    }
    return areGiven
      ? "given: /dev/shm is mounted with huge=\(mount)"
      : "not given: /dev/shm is mounted with huge=never; "
        + "'mount -o remount,huge=advise /dev/shm' gives them to buses that ask"
  }

  /// The option of the last mount on `/dev/shm`, which covers earlier ones.
  private static func option(in mounts: String) -> String? {
    let lines = mounts.split(separator: "\n").map { $0.split(separator: " ") }
    guard let line = lines.last(where: { $0.count > 4 && $0[4] == "/dev/shm" }),
      let options = line.last?.split(separator: ",")
    else { return nil }
    return options.first { $0.hasPrefix("huge=") }.map { String($0.dropFirst(5)) }
  }
}

extension Mapping {
  /// Bytes of its first `count` that this process has mapped by huge pages.
  func hugeBytes(first count: Int) -> Int {
    let start = unsafe UInt(bitPattern: base)
    let text = (try? KernelFile.text(at: "/proc/self/smaps")) ?? ""
    var isInside = false
    var kilobytes = 0
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
      guard let first = words.first else { continue }
      if first.last != ":" {
        let address = UInt(first.prefix { $0 != "-" }, radix: 16) ?? 0
        isInside = address >= start && address < start + UInt(count)
      } else if isInside, first == "ShmemPmdMapped:", words.count > 1 {
        kilobytes += Int(words[1]) ?? 0
      }
    }
    return kilobytes * 1024
  }
}

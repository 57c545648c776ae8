import Glibc

/// What the kernel tells about segments without opening them.
enum SegmentUsers {
  /// The processes that have one of the segments mapped, as far as this user may see:
  /// "pid 12 (reader), pid 14 (writer)"; empty for none.
  static func of(_ segments: [String]) -> String {
    let paths = segments.map { SegmentLocation.path(of: $0) }
    return processes().filter { pid in
      guard let maps = try? KernelFile.text(at: "/proc/\(pid)/maps") else { return false }
      return maps.split(separator: "\n").contains { line in
        paths.contains { line.hasSuffix(" " + $0) }
      }
    }.map(describe).joined(separator: ", ")
  }

  /// "pid 12 (reader)".
  static func describe(_ pid: Int) -> String {
    let command = (try? KernelFile.line(at: "/proc/\(pid)/comm")) ?? "gone"
    return "pid \(pid) (\(command))"
  }

  /// Whether a process that still has this name was stopped by a signal.
  static func isStopped(_ pid: Int, command: String) -> Bool {
    guard let line = try? KernelFile.line(at: "/proc/\(pid)/stat"),
      line.contains("(\(command))"), let end = line.lastIndex(of: ")")
    else { return false }
    return line[end...].dropFirst(2).first.map { "Tt".contains($0) } ?? false
  }

  static func byteCount(of segment: String) -> Int { Int(status(segment)?.st_size ?? 0) }

  /// Bytes of a segment that have no memory behind them; nil where all have.
  static func hole(in segment: String) -> Int? {
    guard let status = status(segment) else { return nil }
    let missing = Int(status.st_size) - Int(status.st_blocks) * 512
    return missing > 0 ? missing : nil
  }

  private static func status(_ segment: String) -> stat? {
    var status = stat()
    return unsafe stat(SegmentLocation.path(of: segment), &status) == 0 ? status : nil
  }

  private static func processes() -> [Int] {
    guard let stream = unsafe opendir("/proc") else { return [] }
    defer { unsafe _ = closedir(stream) }
    var found: [Int] = []
    // Ends with the directory.
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let pid = Int(name) { found.append(pid) }
    }
    return found.sorted()
  }
}

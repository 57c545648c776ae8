import CShmBus

extension BusConfiguration {
  /// The longest path that the control header has room for.
  private static let longestPath = 120

  func validateStorage() throws(BusError) {
    guard let storage else {
      guard sync == .none else {
        throw BusError(.usage, "sync is for a bus that is stored in files: give --storage DIR too")
      }
      return
    }
    // Part of segments' names: with an inner slash they are files.
    guard storage.hasPrefix("/"), storage.utf8.count > 1, !storage.hasSuffix("/"),
      storage.utf8.count <= Self.longestPath, !storage.utf8.contains(0)
    else {
      throw BusError(
        .usage,
        "storage '\(storage)' is no absolute path of 2 to \(Self.longestPath) bytes without a slash at its end"
      )
    }
    guard checksum else {
      throw BusError(
        .usage,
        "a stored bus keeps checksums: without them nobody could tell a torn message after a reboot"
      )
    }
    if case .interval(let interval) = sync {
      guard interval >= .milliseconds(1), interval <= .seconds(3600) else {
        throw BusError(.usage, "sync interval must be 1 ms to an hour")
      }
    }
  }

  /// How often the housekeeper syncs, in nanoseconds; nil for never.
  var syncInterval: UInt64? {
    guard storage != nil, case .interval(let interval) = sync else { return nil }
    return interval.nanoseconds
  }

  /// What a control header says of storage.
  func noteStorage(in header: UnsafeMutablePointer<shmbus_control_header>) {
    guard let storage else { return }
    unsafe header.pointee.options |= Self.storedOption
    unsafe header.pointee.storage_bytes = UInt32(storage.utf8.count)
    unsafe withUnsafeMutableBytes(of: &header.pointee.storage) { field in
      unsafe field.copyBytes(from: storage.utf8)
    }
    switch sync {
    case .none: unsafe header.pointee.sync_policy = 0
    case .interval(let interval):
      unsafe header.pointee.sync_policy = 1
      unsafe header.pointee.sync_interval = interval.nanoseconds
    case .batch: unsafe header.pointee.sync_policy = 2
    }
  }

  /// The directory that a control header names; nil for a bus in shared memory.
  static func storage(_ header: shmbus_control_header) -> String? {
    guard header.options & storedOption != 0 else { return nil }
    return unsafe withUnsafeBytes(of: header.storage) { field in
      let count = min(Int(header.storage_bytes), longestPath)
      return unsafe String(decoding: field.prefix(count), as: UTF8.self)
    }
  }

  static func sync(_ header: shmbus_control_header) -> SyncPolicy {
    switch header.sync_policy {
    case 1: .interval(.nanoseconds(Int64(clamping: header.sync_interval)))
    case 2: .batch
    default: .none
    }
  }

  /// The bit of the header's options.
  private static var storedOption: UInt64 { 8 }
}

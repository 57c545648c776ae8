import Arguments
import Glibc
import ShmBus
import ToolSupport

/// The options that say what a bus is made of; `create` and `plan` share them.
struct Geometry: Sendable {
  enum Policy: String, CaseIterable, Sendable {
    case block
    case overwrite
  }

  private static let standard = BusConfiguration()

  let partitions = Option(
    "partitions", .integer(1...), default: standard.partitions,
    help: "Partitions to begin with. Order is kept within each.")
  let maxPartitions = Option(
    "max-partitions", .integer(1...),
    help: "How far partitions can grow (default: the larger of --partitions and 16).")
  let slots = Option(
    "slots", .integer(1...), default: standard.slots,
    help: "Slots per partition: a power of two of 64 or more.")
  let slotSize = Option(
    "slot-size", .byteSize(1...), default: standard.slotSize,
    help: "Bytes per slot: a multiple of 64. A longer message takes several slots.")
  let whenFull = Option(
    "when-full", .choice(Policy.self), default: .block,
    help: "What publishers do when somebody has not read: wait, or overwrite the oldest.")
  let mode = Option(
    "mode", .fileMode,
    help: "File mode of the segments, whatever the umask (default: 0600, with --group 0660).")
  let group = Option("group", .group, help: "The group that the segments belong to.")
  let publishGroup = Option(
    "publish-group", .group, help: "Who may publish, and everything else.")
  let subscribeGroup = Option(
    "subscribe-group", .group,
    help: "Who may subscribe: the kernel keeps them from writing messages.")
  let claimTimeout = Option(
    "claim-timeout", .duration, default: standard.claimTimeout,
    help: "How long a publisher may sit on a claim before the bus goes on without it.")
  let indexSpacing = Option(
    "index-spacing", .integer(1...), default: standard.indexSpacing,
    help: "Offsets between entries of the sparse index: a power of two.")
  let checksum = Flag("checksum", help: "Store and verify a CRC-32C of every message.")
  let prefault = Flag("prefault", help: "Touch every page now, so that nobody waits for it later.")
  let hugePages = Flag(
    "huge-pages", help: "Ask for huge pages; 'shmctl plan' says whether this host gives them.")
  let numa = Option(
    "numa", .nodes, default: standard.numa,
    help: "NUMA nodes that partitions lie on, in turn: all, wherever, or those listed.")
  let storage = Option(
    "storage", .existingDirectory,
    help: "Keep the partitions in files of this directory, so that they survive the host.")
  let sync = Option(
    "sync", .syncPolicy, default: SyncChoice(.none),
    help:
      "When a stored bus reaches the disk: as the kernel likes, every so often, or with every batch."
  )
  let stateDirectory = Option(
    "state-dir", .string,
    help: "Where its state is kept, an absolute path, or 'none' (default: $SHMBUS_DIR; for root "
      + "/var/lib/shmbus, else $XDG_STATE_HOME/shmbus).")
  let checkpointEvery = Option(
    "checkpoint-every", .duration, default: standard.checkpointEvery,
    help: "How often the housekeeper writes a checkpoint.")
  let maxPublishers = Option(
    "max-publishers", .integer(1...), default: standard.maxPublishers,
    help: "Most publishers at a time.")
  let maxSubscribers = Option(
    "max-subscribers", .integer(1...), default: standard.maxSubscribers,
    help: "Most subscribers and observers at a time.")
  let maxGroups = Option(
    "max-groups", .integer(1...), default: standard.maxGroups, help: "Most durable groups.")
  let maxProducers = Option(
    "max-producers", .integer(1...), default: standard.maxProducers,
    help: "Most durable producers.")

  var all: [any Parameter] {
    [
      partitions, maxPartitions, slots, slotSize, whenFull, mode, group, publishGroup,
      subscribeGroup, claimTimeout, indexSpacing, checksum, prefault, hugePages, numa, storage,
      sync, stateDirectory, checkpointEvery, maxPublishers, maxSubscribers, maxGroups, maxProducers,
    ]
  }

  /// What was asked for, if it can be.
  func configuration(_ parsed: Parsed) throws(BusError) -> BusConfiguration {
    let configuration = BusConfiguration(
      partitions: parsed[partitions], maxPartitions: parsed[maxPartitions], slots: parsed[slots],
      slotSize: parsed[slotSize], whenFull: parsed[whenFull] == .block ? .block : .overwrite,
      mode: parsed[mode], group: parsed[group], publishGroup: parsed[publishGroup],
      subscribeGroup: parsed[subscribeGroup], maxPublishers: parsed[maxPublishers],
      maxSubscribers: parsed[maxSubscribers], maxGroups: parsed[maxGroups],
      maxProducers: parsed[maxProducers], claimTimeout: parsed[claimTimeout],
      indexSpacing: parsed[indexSpacing], checksum: parsed[checksum], prefault: parsed[prefault],
      hugePages: parsed[hugePages], numa: parsed[numa], storage: parsed[storage],
      sync: parsed[sync].policy, stateDirectory: Self.directory(parsed[stateDirectory]),
      checkpointEvery: parsed[checkpointEvery])
    try configuration.validate()
    return configuration
  }
}

extension Geometry {
  static func directory(_ text: String?) -> BusConfiguration.StateDirectory {
    switch text {
    case nil: .standard
    case "none": .none
    case let path?: .path(path)
    }
  }
}

extension Form where Value == UInt32 {
  /// Permissions in octal digits, as `chmod` takes them.
  fileprivate static var fileMode: Form {
    Form(
      "MODE", accepting: "permissions in octal, such as 0600 or 660",
      show: { "0" + String($0, radix: 8) },
      read: { text in
        guard text.allSatisfy({ ("0"..."7").contains($0) }) else { return nil }
        return UInt32(text, radix: 8).flatMap { $0 <= 0o777 ? $0 : nil }
      })
  }

  /// A group of this host, by name or number.
  fileprivate static var group: Form {
    Form(
      "GROUP", accepting: "the name or the number of a group of this host",
      read: { text in
        if let number = UInt32(text), number != .max { return number }
        return unsafe getgrnam(text).map { unsafe $0.pointee.gr_gid }
      })
  }
}

extension BusConfiguration {
  /// "4 partitions of 65,536 slots of 256 bytes".
  var sentence: String {
    let many = partitions == 1 ? "1 partition" : "\(partitions) partitions"
    return "\(many) of \(Numbers.grouped(slots)) slots of \(Numbers.grouped(slotSize)) bytes"
  }

  /// Bytes that creating it takes, of shared memory or in files.
  var totalBytes: Int { controlBytes + partitions * partitionBytes }

  /// "80.4 MiB of shared memory", or what of it are files, and where.
  var placeSentence: String {
    guard let storage else { return "\(Numbers.bytes(totalBytes)) of shared memory" }
    return "\(Numbers.bytes(controlBytes)) of shared memory, "
      + "\(Numbers.bytes(totalBytes - controlBytes)) of files in \(storage), sync \(SyncChoice(sync).text)"
  }

  /// Everything it was created with, as `stat` and `plan` print it.
  var json: JSON {
    .fields([
      "partitions": .integer(partitions), "maxPartitions": .integer(maxPartitions),
      "slots": .integer(slots), "slotSize": .integer(slotSize),
      "whenFull": .string(whenFull == .block ? "block" : "overwrite"),
      "mode": .string("0" + String(mode, radix: 8)), "maxPublishers": .integer(maxPublishers),
      "maxSubscribers": .integer(maxSubscribers), "maxGroups": .integer(maxGroups),
      "maxProducers": .integer(maxProducers),
      "claimTimeout": .integer(claimTimeout.nanoseconds),
      "indexSpacing": .integer(indexSpacing), "checksum": .bool(checksum),
      "prefault": .bool(prefault), "hugePages": .bool(hugePages), "numa": .string(numa.word),
      "checkpointEvery": .integer(checkpointEvery.nanoseconds),
      "largestMessage": .integer(largestMessage), "group": gid(group),
      "publishGroup": gid(publishGroup), "subscribeGroup": gid(subscribeGroup),
      "storage": storage.map { .string($0) } ?? .null, "sync": .string(SyncChoice(sync).text),
    ])
  }

  private func gid(_ number: UInt32?) -> JSON { number.map { .integer(Int($0)) } ?? .null }
}

/// A bus as its segments show it, as far as they could be read. Plain values.
package struct BusReport: Sendable {
  /// The bus's name, or the file's where the header does not tell.
  package let name: String
  /// When it was taken, in nanoseconds since 1970.
  package let taken: UInt64
  package let control: ControlReport?
  package let partitions: [PartitionReport]
  /// Files of the state directory that were among what was looked at.
  package let checkpoints: [CheckpointReport]
  /// What is wrong, segment by segment.
  package let findings: [Finding]
  /// Findings beyond the first hundred of a segment.
  package let findingsOmitted: Int

  package var isDamaged: Bool { findings.contains { $0.severity == .damage } }
}

/// The control segment.
package struct ControlReport: Sendable {
  package let segment: String
  package let byteCount: Int
  package let isLive: Bool
  /// In the order of the header's fields, as `shmbus_control_header` names them.
  package let header: [Field]
  package let name: String
  package let generation: UInt64
  package let state: UInt64
  package let created: UInt64
  package let slots: UInt64
  package let slotSize: UInt32
  package let holdsPublishers: Bool
  package let claimTimeout: UInt64
  package let hasChecksums: Bool
  package let partitionCount: UInt64
  package let admissions: UInt64
  package let partitions: [PartitionRow]
  package internal(set) var endpoints: [EndpointRow]
  package let heads: [Head]
  package let groups: [GroupRow]
  package let producers: [ProducerRow]
  package let quarantine: [QuarantineRow]

  /// One field of a header.
  package struct Field: Sendable {
    package let name: String
    package let value: Value

    package enum Value: Sendable {
      case number(UInt64)
      case text(String)
    }
  }

  package struct PartitionRow: Sendable {
    package let partition: Int
    package let isPresent: Bool
    package let node: UInt32?
    package let origin: Offset
    package let ceiling: Offset
    package let start: Offset
    package let durable: Offset
    package let segmentBytes: UInt64
    package let placement: UInt32
    package let hugePages: UInt32
    package let sleepers: UInt64
    package let blocked: UInt64
    package let quarantineStamp: UInt64
  }

  /// A row of the registry that is in use.
  package struct EndpointRow: Sendable {
    package let row: Int
    package let incarnation: UInt64
    package let role: Role
    package let pid: UInt32
    package let uid: UInt32
    package let command: String
    package let label: String
    package let attached: UInt64
    package let heartbeat: UInt64
    package let group: Int?
    package let partition: Int?
    package let node: Int?
    package let flags: UInt32
    package let semaphore: UInt32
    package let asleep: UInt64
    package let revoked: UInt64
    package let waiting: UInt64
    /// Nil for a copied file: only the kernel knows who lives.
    package var state: Liveness?

    package enum Role: String, Sendable {
      case publisher
      case subscriber
      case observer
      case unknown
    }

    package enum Liveness: String, Sendable {
      case alive
      case stalled
      case dead
    }
  }

  /// Where a group or a subscriber that holds publishers back stands in one partition.
  package struct Head: Sendable {
    package let partition: Int
    package let owner: Owner
    package let offset: Offset
    package let term: UInt64
    package let heldFrom: Offset
    package let moved: UInt64

    package enum Owner: Sendable, Equatable {
      case groupRow(Int)
      case subscriberRow(Int)
    }
  }

  package struct GroupRow: Sendable {
    package let row: Int
    package let name: String
    /// In a broadcast, the name of the member whose heads these are; else empty.
    package let member: String
    package let mode: UInt32
    package let assignor: UInt32
    package let flags: UInt32
    package let generation: UInt64
    package let created: UInt64
    package let maxPollInterval: UInt64
    /// By partition.
    package let owners: [UInt64]
  }

  package struct ProducerRow: Sendable {
    package let row: Int
    package let name: String
    package let id: UInt64
    package let owner: UInt64
    package let created: UInt64
    /// By partition: the last sequence, and where it went.
    package let sequences: [(sequence: UInt64, offset: Offset)]
  }

  package struct QuarantineRow: Sendable {
    package let partition: Int
    package let row: Int
    package let offset: Offset
    package let span: UInt64
    package let publisher: Int?
    package let incarnation: UInt64
    package let verdict: String
    package let lap: UInt64
    package let since: UInt64
  }
}

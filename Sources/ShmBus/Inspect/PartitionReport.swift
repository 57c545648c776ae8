/// One partition's segment.
package struct PartitionReport: Sendable {
  package let segment: String
  package let byteCount: Int
  package let partition: Int
  /// In the order of the header's fields, as `shmbus_partition_header` names them.
  package let header: [ControlReport.Field]
  /// Nil where the geometry could not be told, not even from the other fields.
  package let ring: RingReport?
}

/// What a ring holds.
package struct RingReport: Sendable {
  package let capacity: UInt64
  package let slotSize: Int
  /// The next offset to be claimed, when the walk began.
  package let cursor: Offset
  package let lastClaimant: Int?
  /// The oldest offset that no claim had taken again.
  package let oldest: Offset
  /// The lowest offset that must not be overwritten yet; nil without a control segment.
  package let gate: Offset?
  package let holder: Holder?
  /// From `oldest` to `cursor` without a gap, each with its slots' state.
  package let runs: [Run]
  package let claims: Counts
  package let cells: [Cell]
  package let index: [IndexEntry]
  /// The messages asked for, in order.
  package let slots: [SlotReport]
  /// How many more the ring holds.
  package let slotsOmitted: Int

  package enum State: String, Sendable, CaseIterable {
    /// Beyond the cursor: never used, or used in an earlier lap.
    case free
    /// Committed, and somebody may still have to read it.
    case message
    /// Committed, below the gate: everybody who holds publishers back is done with it.
    case done
    case padding
    /// Claimed and not decided yet.
    case open
    /// Out of use: its owner was too long at it.
    case quarantined
    /// The rest of a claim whose beginning has been overwritten.
    case remnant
    /// Overwritten while it was looked at.
    case overrun
    case damaged
  }

  package enum Holder: Sendable, Equatable {
    case groupRow(Int)
    case subscriberRow(Int)
    case publisherRow(Int)
  }

  package struct Run: Sendable, Equatable {
    package let start: Offset
    package let count: UInt64
    package let state: State
    package var end: Offset { start &+ count }
  }

  package struct Counts: Sendable, Equatable {
    package var messages = 0
    package var paddings = 0
    package var open = 0
    package var quarantined = 0
    package var payloadBytes = 0
  }

  /// A publisher's cell that says something.
  package struct Cell: Sendable {
    package let publisher: Int
    package let announced: Offset
    package let span: UInt64
    package let floor: Offset?
    package let pendingSequence: UInt64
  }

  package struct IndexEntry: Sendable {
    package let number: Int
    /// Nil: never written, or being written.
    package let start: Offset?
    package let timestamp: UInt64
    package let standing: Standing

    package enum Standing: String, Sendable {
      case empty
      /// Names a claim's start that lies where the entry says.
      case right
      /// Left from an earlier lap; what covers its boundary now wrote no entry.
      case stale
      case wrong
    }
  }
}

/// One claim's or message's first slot, decoded.
package struct SlotReport: Sendable {
  package let offset: Offset
  package let slot: UInt64
  package let state: RingReport.State
  package let control: UInt64
  package let span: UInt64
  package let lap: UInt64
  package let publisher: Int
  package let isInsideBatch: Bool
  package let magic: UInt32
  package let length: UInt32
  package let timestamp: UInt64
  package let sequence: UInt64
  package let producer: UInt64
  package let keyHash: UInt32
  package let keyLength: UInt16
  package let flags: UInt16
  package let checksum: UInt32
  /// Nil unless it has one and it was asked for.
  package let isChecksumRight: Bool?
  package let key: [UInt8]
  /// Empty unless asked for.
  package let payload: [UInt8]
}

/// One fault that a doctor found: what it is, how it shows, and the way out. A plain value.
public struct Diagnosis: Sendable, Equatable {
  /// How bad it is. The raw value is the exit status of `shmctl doctor` when it is the worst one left.
  public enum Severity: Int32, Sendable, Comparable {
    /// Nothing is broken; good to know.
    case notice = 0
    /// It mends itself, or is gone in a moment.
    case transient = 75
    /// It cannot be looked at by this user.
    case denied = 77
    /// Somebody is held up, or may be refused.
    case heldUp = 69
    /// Bytes are not what they should be.
    case damaged = 65

    /// From harmless to bad.
    public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }

    private var rank: Int {
      switch self {
      case .notice: 0
      case .transient: 1
      case .denied: 2
      case .heldUp: 3
      case .damaged: 4
      }
    }

    /// As tools print it.
    public var word: String {
      switch self {
      case .notice: "notice"
      case .transient: "transient"
      case .denied: "denied"
      case .heldUp: "held up"
      case .damaged: "damaged"
      }
    }
  }

  /// What kind of fault; stable words for programs.
  public enum Fault: String, Sendable {
    /// A creator died half way.
    case halfCreated
    /// A remover died half way.
    case halfRemoved
    /// Somebody creates or removes the bus at this moment.
    case inProgress
    /// The control segment is not what it should be.
    case damagedControl
    /// A partition's segment is not what it should be.
    case damagedPartition
    /// Messages are not what was published.
    case damagedMessages
    /// A reboot took messages of a stored bus.
    case lostInReboot
    /// A partition's segment is gone.
    case missingPartition
    /// The bus was made by another version of ShmBus.
    case layoutVersion
    /// A segment whose bus is gone, or has no such partition.
    case orphan
    /// A file that begins like a segment and is none.
    case foreignFile
    /// A segment may be opened by others than its bus.
    case wrongMode
    /// An endpoint's process is gone and its row is not free yet.
    case deadEndpoint
    /// A publisher lives and sits on a claim.
    case stalledPublisher
    /// A ring is full, and does not move.
    case fullRing
    /// Slots are out of use.
    case quarantine
    /// Memory does not lie where it was asked for, or is not of huge pages.
    case placement
    /// Its state is not being written to disk.
    case stateNotKept
    /// Nobody keeps house.
    case noKeeper
    /// A copy of its checkpoint is not what was written.
    case damagedCheckpoint
    /// It is not in memory, and can be restored.
    case restorable
    /// It cannot be looked at.
    case denied
    /// Shared memory is short.
    case space
    /// The kernel or machine lacks something.
    case host
  }

  /// What it is about: a bus, a segment, "host" or "/dev/shm".
  public let subject: String
  /// The kind of fault.
  public let fault: Fault
  /// How bad it is.
  public let severity: Severity
  /// What is wrong and why, in a sentence.
  public let finding: String
  /// What shows it, in a sentence.
  public let evidence: String
  /// The way out, in a sentence.
  public let fix: String
  /// Whether ``repair()`` can mend it without losing anything.
  public var isRepairable: Bool { remedy != nil }

  let remedy: Remedy?

  init(
    _ subject: String, _ fault: Fault, _ severity: Severity, finding: String, evidence: String,
    fix: String, remedy: Remedy? = nil
  ) {
    self.subject = subject
    self.fault = fault
    self.severity = severity
    self.finding = finding
    self.evidence = evidence
    self.fix = fix
    self.remedy = remedy
  }
}

/// What can be done about a fault without touching a bus in use or data that are whole.
enum Remedy: Equatable, Sendable {
  /// Free what the dead left on the bus.
  case sweep(BusName)
  /// Clear away what a dead creator or remover left.
  case clearLeftover(BusName)
  /// Clear away partitions that have no control segment.
  case clearOrphans(BusName)
  /// Clear away one segment that is no partition of its bus.
  case clearExtra(BusName, segment: String)
  /// Give a segment the group and the mode it should have.
  case setAccess(segment: String, FileAccess)
}

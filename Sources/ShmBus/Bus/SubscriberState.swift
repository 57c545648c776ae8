/// What a subscriber's hot path touches: private memory of its thread, reached by one pointer.
@safe @usableFromInline
struct SubscriberState {
  /// Those that are read come first, then the paused ones. They move when a partition comes that there is
  /// no room for. The first place can always be looked at.
  @usableFromInline var tracks: UnsafeMutablePointer<Track>
  /// How many are read.
  @usableFromInline var trackCount = 0
  /// How many there are, with the paused.
  var heldCount = 0
  /// The partition looked at first: it stays for a run of messages, then it is the next one's turn.
  @usableFromInline var current = 0
  /// 0 sends the next poll the long way.
  @usableFromInline var runLeft = 0
  /// What a message takes from the run: nothing when there is only one partition, and no group.
  @usableFromInline var runStep = 0
  /// A word that moves when this subscriber's partitions may change: the group's generation, else
  /// the number of partitions of the bus.
  @usableFromInline let watched: SharedWord
  /// What it was when they were computed.
  @usableFromInline var watchedSeen: UInt64
  /// The registry row's: how many messages were handed out. A sign of life, like the heartbeat.
  @usableFromInline let delivered: SharedWord
  @usableFromInline var copies = CopyBuffer()
  /// Its strategy spins before it sleeps.
  let spins: Bool
  var pace = ReadingPace()
  /// Whose state this is; it outlives the state.
  let core: Unmanaged<SubscriberCore>

  /// How many messages a run has: while there are several partitions, so that each has its turn.
  var run = SubscriberState.runLength

  static var runLength: Int { 64 }

  /// The track of a partition that is held, paused or not.
  func track(_ partition: Int) -> UnsafeMutablePointer<Track>? {
    for place in 0..<heldCount where unsafe tracks[place].partition == partition {
      return unsafe tracks + place
    }
    return nil
  }

  /// The partitions that are held, ascending.
  var held: [Int] { (0..<heldCount).map { unsafe tracks[$0].partition }.sorted() }
}

/// Where messages go that are not safe to read in place. It has no memory before the first one comes:
/// most subscribers read all of them in place. Grows to the largest one seen.
@safe @usableFromInline
struct CopyBuffer {
  private(set) var base: UnsafeMutableRawPointer?
  private var capacity = 0

  /// Room for `byteCount` bytes. What was there is gone if it had to grow.
  mutating func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer {
    if let base = unsafe base, byteCount <= capacity { return unsafe base }
    deallocate()
    capacity = max(4096, byteCount + byteCount / 2)
    let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
    unsafe base = grown
    return unsafe grown
  }

  func deallocate() { unsafe base?.deallocate() }
}

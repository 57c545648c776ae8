import CShmBus

/// What one publisher keeps, in its private memory, about one partition. Only its thread touches it.
@frozen @safe @usableFromInline
struct Lane {
  @usableFromInline let ring: Ring
  @usableFromInline let cell: Ring.PublisherCell
  @usableFromInline let publisher: UInt64
  /// The partition's row: a subscriber may be asleep. In a process that must fence before it looks, a word
  /// that says so after each commit.
  @usableFromInline let sleepers: SharedWord
  /// No claim may end above it: the cached gate plus the capacity. It only grows.
  @usableFromInline var limit: UInt64 = 0
  /// Loans that are neither published nor dropped yet, oldest first.
  @usableFromInline var open: OpenClaims
  let gate: Gate
  /// What the last look at everything found: whose head was the lowest (-1: nobody's, or not a
  /// head), and how far the gate may go by all the others. It holds for ever, as the gate does.
  var holder = -1
  var gateWithoutHolder: Offset = 0

  init(ring: Ring, publisher: Int, gate: Gate) {
    self.ring = ring
    self.publisher = UInt64(publisher)
    self.gate = gate
    cell = ring.publisherCell(UInt64(publisher))
    sleepers =
      ProcessBarrier.register()
      ? gate.map.partition(gate.partition).sleepers : ProcessBarrier.alwaysSet
    open = OpenClaims()
  }
}

extension Lane {
  /// Brings the first lines of a slot that is claimed soon here for writing. The next compare-and-swap waits
  /// for all stores before it, and those for their lines. Not beyond the limit: readers still need those.
  @inlinable @inline(__always)
  static func prepare(_ lane: UnsafeMutablePointer<Lane>, beyond offset: Offset) {
    let soon = offset &+ 16
    guard unsafe soon < lane.pointee.limit else { return }
    let ring = unsafe lane.pointee.ring
    unsafe shmbus_prefetch_write(ring.header(soon).base)
    unsafe shmbus_prefetch_write(ring.cell(soon))
  }
}

/// The open loans of one publisher in one partition, oldest first: a fixed array, so that a loan allocates
/// nothing.
@frozen @safe @usableFromInline
struct OpenClaims {
  /// How many loans one publisher may hold open in one partition.
  @usableFromInline static var limit: Int { 64 }

  @usableFromInline
  struct Claim {
    var offset: Offset
    /// At most `Packed.longestSpan`.
    var span: UInt32
    /// Its slot says *claimed*, and the floor covers it: it no longer depends on the announcement.
    var marked: Bool
  }

  @usableFromInline private(set) var count = 0
  private let claims: UnsafeMutablePointer<Claim>

  init() { unsafe claims = allocateOwnLines(of: Claim.self, count: Self.limit) }

  func deallocate() { unsafe claims.deallocate() }

  subscript(position: Int) -> Claim {
    get { unsafe claims[position] }
    nonmutating set { unsafe claims[position] = newValue }
  }

  mutating func append(_ offset: Offset, span: UInt64) {
    self[count] = Claim(offset: offset, span: UInt32(span), marked: false)
    count += 1
  }

  mutating func remove(_ offset: Offset) {
    guard let found = (0..<count).first(where: { self[$0].offset == offset }) else { return }
    for position in found..<(count - 1) { self[position] = self[position + 1] }
    count -= 1
  }
}

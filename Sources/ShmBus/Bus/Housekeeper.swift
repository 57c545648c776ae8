import CShmBus
import Glibc
import Synchronization

/// The one thread of this process that keeps house for the buses it has open: checkpoints, rounds, and taking
/// over from a process that died. It may wait for a disk, and so is not the thread of asynchronous waits.
///
/// It starts with the first bus that is opened and ends with the last one.
final class Housekeeper: @unchecked Sendable {
  /// A forked child has the parent's memory and not its thread: it begins anew.
  private let pid = getpid()
  private let state = Mutex(State())
  /// Private memory: rung when the duties change.
  private let bell: Semaphore

  private struct State {
    var duties: [HouseDuty] = []
    var isRunning = false
  }

  private static let current = Atomic<UInt>(0)

  /// This process's.
  static var shared: Housekeeper {
    // Ends: a failed exchange means that another thread has made it.
    while true {
      let seen = current.load(ordering: .acquiring)
      if let found = unsafe UnsafeRawPointer(bitPattern: seen) {
        let keeper = unsafe Unmanaged<Housekeeper>.fromOpaque(found).takeUnretainedValue()
        if keeper.pid == getpid() { return keeper }
      }
      let new = unsafe Unmanaged.passRetained(Housekeeper())
      let bits = unsafe UInt(bitPattern: new.toOpaque())
      if current.compareExchange(expected: seen, desired: bits, ordering: .acquiringAndReleasing)
        .exchanged
      {
        return unsafe new.takeUnretainedValue()
      }
      unsafe new.release()
    }
  }

  private init() {
    let word = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 128)
    unsafe word.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
    unsafe bell = Semaphore(word)
  }

  /// Takes on a bus. Without a thread nobody is served by this process; the bus works all the same.
  func enter(_ duty: HouseDuty) {
    let mustStart = state.withLock { state in
      state.duties.append(duty)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    guard mustStart else { return bell.post() }
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<Housekeeper>.fromOpaque(argument).takeUnretainedValue().run()
        }
        return nil
      }, Unmanaged.passUnretained(self).toOpaque())
    if code == 0 {
      pthread_detach(thread)
    } else {
      state.withLock { state in
        state.duties = []
        state.isRunning = false
      }
      duty.isDone.post()
    }
  }

  /// Ends a duty, with a last checkpoint. Waits a second for it and no longer: a disk may stall.
  func leave(_ duty: HouseDuty) {
    guard pid == duty.pid, getpid() == pid else { return }
    duty.isLeaving.store(true, ordering: .releasing)
    bell.post()
    _ = duty.isDone.wait(for: 1_000_000_000)
  }

  private func run() {
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    var clock = TSCClock()
    // Ends: with the last duty.
    while true {
      _ = bell.take()
      // Publishers of this process begin with the rate that is measured here.
      _ = clock.now()
      let duties = state.withLock { state in
        state.duties.removeAll { $0.isOver }
        if state.duties.isEmpty { state.isRunning = false }
        return state.duties
      }
      guard !duties.isEmpty else { return }
      let now = Clock.monotonic()
      let next = duties.map { $0.work(now) }.min() ?? 0
      let later = Clock.monotonic()
      if next > later { sleep(duties, next - later) }
    }
  }

  private func sleep(_ duties: [HouseDuty], _ nanoseconds: UInt64) {
    let bells = unsafe duties.compactMap { unsafe $0.bell }.prefix(Futex.maximumWords - 1)
    let limit = min(nanoseconds, 1_000_000_000)
    let words = unsafe [bell.word] + bells
    if unsafe (try? Futex.waitAny(words, for: limit)) == nil {
      _ = bell.wait(for: min(limit, 50_000_000))
    }
  }
}

/// One bus in the care of this process: kept by it, or by somebody else as long as that one lives.
@safe
final class HouseDuty: @unchecked Sendable {
  let pid = getpid()
  let isLeaving = Atomic<Bool>(false)
  /// Private memory: a token when the duty has ended.
  let isDone: Semaphore
  private let word: UnsafeMutableRawPointer
  /// Its own, so that it does not keep the user's open.
  private let bus: Bus
  private var house: House?
  private var nextRound: UInt64
  private var nextCheckpoint: UInt64 = 0
  private var nextSync: UInt64 = 0
  /// Only its thread asks.
  private(set) var isOver = false

  /// How soon a dead housekeeper is noticed, and how often the rounds are made.
  static let round: UInt64 = 250_000_000

  init(_ bus: Bus, startsAfter delay: UInt64) {
    self.bus = bus
    nextRound = Clock.deadline(in: delay)
    unsafe word = .allocate(byteCount: 128, alignment: 128)
    unsafe word.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
    unsafe isDone = Semaphore(word)
  }

  deinit { unsafe word.deallocate() }

  /// Rung by publishers whose ceiling comes near, and by who wants a checkpoint.
  var bell: UnsafeRawPointer? { house == nil ? nil : unsafe bus.map.keeperBellAddress }

  /// Does what is due; returns when the next is.
  func work(_ now: UInt64) -> UInt64 {
    if isLeaving.load(ordering: .acquiring) {
      finish()
      return now
    }
    let isCalled = house != nil && bus.map.keeperBell.loadAcquire() != 0
    guard isCalled || now >= due else { return due }
    if house?.isOver ?? (bus.mapping.fate != .whole || bus.isRemoved) {
      finish()
      return now
    }
    if house == nil { elect() }
    if let house {
      if now >= nextRound { try? house.sweep() }
      if now >= nextCheckpoint || isCalled {
        try? house.checkpoint()
        nextCheckpoint = Clock.monotonic() &+ every
        let failure = Int32(truncatingIfNeeded: bus.map.checkpointError.loadAcquire())
        if failure == EACCES || failure == EPERM { self.house = nil }
      }
      if let interval = bus.configuration.syncInterval, now >= nextSync {
        try? house.tendStorage()
        nextSync = Clock.monotonic() &+ interval
      }
    }
    if now >= nextRound { nextRound = Clock.monotonic() &+ Self.round }
    return due
  }

  private var due: UInt64 {
    guard house != nil else { return nextRound }
    let next = min(nextRound, nextCheckpoint)
    return bus.configuration.syncInterval == nil ? next : min(next, nextSync)
  }

  private var every: UInt64 {
    max(10_000_000, min(bus.map.checkpointEvery.loadAcquire(), 3_600_000_000_000))
  }

  /// Whoever cannot write the state leaves the house to others.
  private func elect() {
    guard bus.mayKeepState else { return }
    house = (try? House(bus)) ?? nil
    nextCheckpoint = 0
    nextSync = 0
  }

  /// A last checkpoint, by whoever may: what a group has committed last is kept.
  private func finish() {
    isOver = true
    defer { isDone.post() }
    guard bus.mapping.fate == .whole, !bus.isRemoved else {
      house = nil
      return
    }
    if house == nil { elect() }
    try? house?.checkpoint()
    house = nil
  }
}

extension Bus {
  /// Whether this user could write a checkpoint, as far as the kernel tells beforehand. The owner tries in any
  /// case: why it fails stands in `stat` then.
  var mayKeepState: Bool {
    guard let place = statePlace, let owner = try? control.ownership().uid else { return true }
    if owner == geteuid() { return true }
    var status = stat()
    return unsafe stat(place.path, &status) == 0 && status.st_uid == owner
      && access(place.path, W_OK | X_OK) == 0
  }

  /// Whether processes keep house here unless they were asked not to.
  static var isHousekeepingDeclined: Bool {
    unsafe getenv("SHMBUS_HOUSEKEEPING").map { unsafe String(cString: $0) } == "off"
  }
}

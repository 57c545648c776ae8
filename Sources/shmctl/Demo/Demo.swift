import Glibc
import ShmBus
import ToolSupport

/// The five-minute tour in a few seconds: who takes part, what they do, and whether all of it was
/// right.
struct Demo {
  private static let partitions = 4
  private static let publishers = 2
  private static let duration = 3000
  private static let group = "pair"

  /// Everybody, in their roles.
  private struct Cast {
    var publishers: [Child] = []
    var members: [Child] = []
    var observers: [Child] = []
    var all: [Child] { publishers + members + observers }
  }

  private let name = "demo-\(getpid())"
  private let style = Terminal.output

  func run() throws {
    let bus = try Bus.create(
      name,
      BusConfiguration(
        partitions: Self.partitions, slots: 4096, slotSize: 64, stateDirectory: .none))
    var cast = Cast()
    defer {
      for child in cast.all { child.stop() }
      try? Bus.remove(name, force: true)
    }
    try say(
      """
      \(style.styled("A bus, five processes, no broker.", .bold))
      Bus '\(name)' has \(Self.partitions) partitions: rings in shared memory, \
      \(Numbers.bytes(bus.configuration.totalBytes)).
      Two publishers write under keys: a key always goes to the same partition,
      which keeps its order. A group of two shares the partitions; publishers wait
      for it when a ring is full. An observer looks on and holds nobody back: who is
      too slow is told what it missed.

      """)
    try start(&cast)
    let picture = DemoPicture(
      publishers: cast.publishers.map(\.pid), observer: cast.observers[0].pid)
    try awaitShares(bus)
    let seconds = try watch(bus, cast, picture)
    try report(cast, seconds: seconds)
  }

  /// Readers first: they start at the end that there is.
  private func start(_ cast: inout Cast) throws {
    for _ in 0..<2 { cast.members.append(try reader("--group", Self.group)) }
    cast.observers.append(try reader())
    for number in 0..<Self.publishers {
      cast.publishers.append(
        try Child.again([
          Worker.marker, "demo-publisher", name, "--number", "\(number)", "--milliseconds",
          "\(Self.duration)",
        ]))
    }
    for child in cast.all { _ = try child.expectLine() }
  }

  private func reader(_ more: String...) throws -> Child {
    try Child.again(
      [Worker.marker, "demo-reader", name, "--publishers", "\(Self.publishers)"] + more)
  }

  /// Waits until each of the two has its half of the partitions.
  private func awaitShares(_ bus: Bus) throws {
    for _ in 0..<10_000 {
      try Interrupted.check()
      let members = try bus.group(Self.group).members
      if members.map(\.partitions.count) == [2, 2] { return }
      usleep(1_000)
    }
    throw Failure(.software, "the group did not share out its partitions within 10 s")
  }

  /// Lets them go, and draws what happens until the publishers are done; returns the seconds.
  private func watch(_ bus: Bus, _ cast: Cast, _ picture: DemoPicture) throws -> Double {
    let clock = ContinuousClock.now
    for publisher in cast.publishers { try publisher.send("go") }
    var picture = picture
    // Ends: with the publishers, which stop by themselves, or a signal.
    while ContinuousClock.now - clock < .milliseconds(Self.duration), bus.hasPublishers {
      if style.isTerminal { try picture.draw(bus.status(), bus.group(Self.group), on: style) }
      try Interrupted.check()
      usleep(100_000)
    }
    // The group as it was while it worked: its members leave soon after the publishers.
    let group = try bus.group(Self.group)
    while bus.hasPublishers {
      try Interrupted.check()
      usleep(1_000)
    }
    try picture.draw(bus.status(), group, on: style)
    let (seconds, attoseconds) = (ContinuousClock.now - clock).components
    return Double(seconds) + Double(attoseconds) / 1e18
  }

  private func report(_ cast: Cast, seconds: Double) throws {
    let sent = try total(cast.publishers)
    let received = try total(cast.members)
    let seen = try total(cast.observers)
    let missed = UInt64(try cast.observers[0].expectLine()) ?? 0
    guard sent == received else {
      throw Failure(
        .software,
        "sent \(sent.count) messages and received \(received.count), or their contents differ")
    }
    let rate = Numbers.short(Double(sent.count) / seconds)
    try say(
      """

      \(style.styled("Verified.", .green)) \(Numbers.grouped(sent.count)) messages sent, \
      \(rate) a second.
      Every one was received once, whole, and in its publisher's order: count and
      checksum of each partition agree. The observer saw \(Numbers.grouped(seen.count)),
      and was told of \(Numbers.grouped(missed)) that it missed.

      \(style.styled("Try next", .bold))\(alias)
        shmctl create orders
        shmctl subscribe orders --group work   in one terminal, or in several
        echo hello | shmctl publish orders     in another
        shmctl groups orders                   what is done, and by whom
        shmctl bench throughput                what this host can do
        shmctl remove orders
      """)
  }

  /// Sums what several children report.
  private func total(_ children: [Child]) throws -> Tally {
    try children.reduce(Tally(partitions: Self.partitions)) { sum, child in
      guard let tally = Tally(line: try child.expectLine()),
        tally.entries.count == Self.partitions
      else { throw Failure(.software, "a process of the demo did not report") }
      return sum + tally
    }
  }

  /// Whoever runs the tool by its path will want a shorter word for it.
  private var alias: String {
    let path = CommandLine.arguments[0]
    return path.contains("/") ? "\n  alias shmctl='\(path)'" : ""
  }

  private func say(_ text: String) throws { try Program.print(text + "\n") }
}

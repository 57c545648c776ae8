import Glibc
import ShmBus
import TestSupport

/// What an actor can play.
enum Part: String {
  /// Says "ready", waits for a word, creates the bus, says "created".
  case create
  /// Creates and removes the bus for ever; for being killed.
  case churn
  /// Opens the bus and says "opened".
  case open
  /// Adds partitions, up to `partitions`, and says "grown".
  case grow
  /// Removes the bus and says "removed".
  case remove
  /// Says "ROLE STATE" for each endpoint.
  case census
  /// Publishes numbered patterns; says "start NUMBER SPAN" and "OFFSET NUMBER LENGTH" for each, and
  /// "synced NUMBER" when all below it survive the host.
  case publish
  /// Opens a loan, says "loan OFFSET", publishes it after a word, says "published OFFSET".
  case loan
  /// Reads; says "PARTITION OFFSET LENGTH DIGEST WHOLE" for each message and "gap FROM TO".
  case subscribe
  /// Reads `count` messages, says "holding OFFSET" and holds the ring until it is killed.
  case hold
  /// Keeps house until it is told to end; says "ready".
  case keep
  /// Writes checkpoints for ever, as fast as it can; says "ready"; for being killed.
  case checkpoint
  /// A member of a group: see ``GroupPart``.
  case member
  /// Publishes whatever its seed tells it and keeps a diary, until the diary says to leave.
  case play
  /// Reads in the way of its role and keeps a diary, until the diary says to leave or to drain.
  case watch

  func play(_ plan: Plan) throws {
    switch self {
    case .create:
      become(plan)
      let configuration = configuration(plan)
      say("ready")
      awaitWord()
      _ = try Bus.create(plan.bus, configuration)
      say("created")
    case .churn:
      say("ready")
      awaitWord()
      while true {
        _ = try Bus.create(plan.bus, configuration(plan))
        try Bus.remove(plan.bus)
      }
    case .open:
      become(plan)
      _ = try Bus.open(plan.bus)
      say("opened")
    case .grow:
      try Bus.open(plan.bus).addPartitions(to: plan.number("partitions"))
      say("grown")
    case .remove:
      try Bus.remove(plan.bus)
      say("removed")
    case .census:
      for endpoint in try Bus.open(plan.bus).status().endpoints {
        say("\(endpoint.role) \(endpoint.state)")
      }
    case .publish:
      var writer = Writer(plan)
      try writer.run()
    case .loan: try lend(plan)
    case .subscribe: try Reader(plan).run()
    case .hold: try hold(plan)
    case .keep:
      let bus = try Bus.open(plan.bus, keepsHouse: false)
      bus.keepHouse(startsAfter: 0, always: true)
      say("ready")
      awaitWord()
    case .checkpoint:
      let bus = try Bus.open(plan.bus, keepsHouse: false)
      let publisher = try bus.publisher()
      say("ready")
      while true {
        try publisher.publish("x")
        try bus.checkpoint()
      }
    case .member: try GroupPart(plan).run()
    case .play:
      dieWithTheTest()
      let bus = try Bus.open(plan.bus)
      var player = Player(
        plan.number("id"), bus.configuration, plan.seed, diary: try plan.diary, isRestless: true)
      try player.playOn(bus)
    case .watch:
      dieWithTheTest()
      let bus = try Bus.open(plan.bus)
      var watcher = Watcher(
        Watcher.Role(rawValue: plan.text("role")) ?? .subscriber, bus.configuration, plan.seed,
        diary: try plan.diary, isRestless: true)
      try watcher.watch(bus)
    }
  }

  /// Another user, for tests of permissions.
  private func become(_ plan: Plan) {
    let uid = plan.number("uid", -1)
    if uid >= 0 { precondition(setuid(uid_t(uid)) == 0, "setuid") }
    let mask = plan.text("umask")
    if !mask.isEmpty { umask(mode_t(mask, radix: 8) ?? 0) }
  }

  private func configuration(_ plan: Plan) -> BusConfiguration {
    BusConfiguration(
      partitions: plan.number("partitions", 1), slots: plan.number("slots", 64),
      slotSize: plan.number("slotSize", 64), mode: UInt32(plan.number("mode", 0o600)),
      group: plan.text("group").isEmpty ? nil : UInt32(plan.number("group")))
  }

  private func lend(_ plan: Plan) throws {
    let bus = try Bus.open(plan.bus)
    let publisher = try bus.publisher()
    var loan = try publisher.loan(byteCount: plan.number("length", 64))
    loan.fill(
      Pattern.bytes(plan.number("publisher"), plan.number("number"), count: loan.byteCount))
    say("loan \(loan.offset)")
    awaitWord()
    say("published \(try loan.publish())")
    awaitWord()
  }

  private func hold(_ plan: Plan) throws {
    let bus = try Bus.open(plan.bus)
    var subscriber = try bus.subscriber(from: .earliest)
    say("ready")
    var last: Offset = 0
    for _ in 0..<plan.number("count") {
      if let message = try subscriber.next(timeout: .seconds(30)) { last = message.offset }
    }
    say("holding \(last)")
    // Ends with the test, or the process. The subscriber must live as long.
    while awaitWord() {}
    _ = consume subscriber
  }
}

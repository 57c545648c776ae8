import Glibc
import ShmBus
import TestSupport

/// One scenario's bus, and one victim after the other on it.
final class Run {
  let scenario: Scenario
  let segments: Segments
  /// How the bus is before each victim.
  let start: Segments.Image
  let early: Int
  /// Where its state is kept, and what lies there before each victim.
  let state: StateFolder?
  let kept: StateFolder.Files
  let identity: UInt64

  /// The smallest bus there is that has room for everybody: 4 KiB and 12 KiB.
  static func configuration(claimTimeout: Duration = .seconds(30)) -> BusConfiguration {
    BusConfiguration(
      maxPartitions: 1, slots: 64, slotSize: 64, maxPublishers: 2, maxSubscribers: 2, maxGroups: 1,
      maxProducers: 1, claimTimeout: claimTimeout, indexSpacing: 16)
  }

  init(_ scenario: Scenario) throws {
    self.scenario = scenario
    early = max(0, scenario.at - scenario.slotsBefore)
    let name = TestSpace.busName(scenario.name)
    var configuration = Self.configuration(claimTimeout: scenario.claimTimeout)
    state = scenario.keepsState ? StateFolder(of: name) : nil
    if let state { configuration.stateDirectory = .path(state.directory) }
    let bus = try Bus.create(name, configuration, keepsHouse: false)
    identity = bus.identity
    if early > 0 {
      let publisher = try bus.publisher()
      for number in 0..<early {
        try publisher.publish(Pattern.bytes(Name.early, number, count: 40))
        if let plan = scenario.group, number == early - GroupPlan.waiting - 1 {
          try bus.createGroup(plan.options("creator"), from: .latest)
        }
        // So that the rate of the clock's counter is known, to the victims too.
        if number == early - 2 { usleep(4_000) }
      }
    }
    if !scenario.hasCheckpoint { state?.clear() }
    kept = state?.read() ?? []
    segments = try Segments(of: name)
    start = segments.image
  }

  deinit {
    TestSpace.clear(segments.bus)
    state?.clear()
  }

  /// Everything as it was before the first victim, by new objects under the same names: a victim
  /// may have removed them.
  func reset() throws {
    try (scenario.busExists ? start : Segments.Image()).write(segments.bus)
    try state?.write(kept)
  }

  /// The victim and those around it, at the first mark.
  func cast(bystander: Bool, isStepped: Bool = false) throws -> Cast {
    segments.restore(start)
    return try Cast(self, bystander: bystander, isStepped: isStepped)
  }
}

import Glibc
import ShmBus
import TestSupport

extension Scenario {
  /// Operations on the claim of a publisher that lives and is stopped. It goes on when all is over.
  static var quarantining: [Scenario] { [quarantine, pass] }

  /// The owner: two slots lent, and stopped for long.
  private static func owner(_ stage: Stage) throws {
    let publisher = try stage.open().publisher()
    try stage.warm(publisher, as: Name.dead)
    let loan = try publisher.loan(byteCount: 100)
    stage.begin()
    do {
      let offset = try loan.publish()
      stage.line.say("published at \(offset)")
    } catch { stage.line.say(error == .fenced ? "fenced" : "\(error)") }
  }

  private static let timeout = Duration.milliseconds(5)

  /// Looks once, and is so late at the next look that the claim is taken out of use.
  private static func beLate(_ reader: inout Subscriber) throws {
    while let message = try reader.next(timeout: .zero) { _ = message.offset }
    usleep(8_000)
  }

  private static var quarantine: Scenario {
    Scenario(
      name: "quarantine", about: "take a stopped publisher's claim out of use", at: 200,
      slotsBefore: 4, published: 0, claimTimeout: timeout, dead: owner, ownerLives: true,
      isRepeatable: false,
      progress: { cast in
        let states = cast.run.segments.quarantine
        return states.contains { $0 >= 4 } ? .done : states.isEmpty ? .never : .padding
      },
      play: { stage in
        var reader = try stage.open().subscriber(from: .earliest)
        try beLate(&reader)
        stage.begin()
        let offset = try reader.next(timeout: .zero)?.offset
        stage.end()
        // The owner's claim lies behind the early messages and its own two.
        guard offset != 198 else { throw Violation("a claim that is open was read") }
        stage.say([:], 0)
      })
  }

  private static var pass: Scenario {
    Scenario(
      name: "pass", about: "publish, passing over slots that are out of use", at: 191 + 64,
      slotsBefore: 4 + 61, published: 61, claims: [[61]], claimTimeout: timeout, dead: owner,
      ownerLives: true, mayOverwrite: true, mayHaveBystander: false,
      isRepeatable: false
    ) { stage in
      let bus = try stage.open()
      do {
        var reader = try bus.subscriber(from: .earliest)
        try beLate(&reader)
        guard try reader.next(timeout: .zero) == nil else { throw Violation("read an open claim") }
      }
      let publisher = try bus.publisher()
      for number in 0..<61 {
        try publisher.publish(stage.payload(number, 40))
        if number == 0 { stage.rest() }
      }
      let payload = stage.payload(61, 100)
      do {
        stage.begin()
        let offset = try publisher.publish(payload, timeout: .zero)
        stage.end()
        stage.say([61: offset], payload)
      } catch { stage.fail(error) }
    }
  }
}

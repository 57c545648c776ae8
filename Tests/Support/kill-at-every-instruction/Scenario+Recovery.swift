import Glibc
import ShmBus
import TestSupport

extension Scenario {
  /// Operations that decide what a dead publisher left; the victim is who recovers.
  static var recovering: [Scenario] {
    [
      recovers("recover-announced", "free a publisher that died with one claim", at: 198, 3) {
        stage in
        let publisher = try stage.open().publisher()
        try stage.warm(publisher, as: Name.dead)
        let loan = try publisher.loan(byteCount: 40)
        stage.begin()
        withExtendedLifetime(loan.offset) {}
      },
      recovers("recover-marked", "free a publisher that died with three claims", at: 202, 7) {
        stage in
        let publisher = try stage.open().publisher()
        try stage.warm(publisher, as: Name.dead)
        let first = try publisher.loan(byteCount: 40)
        let second = try publisher.loan(byteCount: 100)
        try publisher.publish(Pattern.bytes(Name.dead, 2, count: 40))
        let batch = try publisher.batch(slots: 1)
        stage.begin()
        withExtendedLifetime((first.offset, second.offset, batch.offset)) {}
      },
      held,
    ]
  }

  private static func recovers(
    _ name: String, _ about: String, at offset: Int, _ slots: Int,
    _ dead: @escaping (Stage) throws -> Void
  ) -> Scenario {
    Scenario(
      name: name, about: about, at: offset, slotsBefore: slots, published: 0, dead: dead,
      progress: { cast in
        let row = cast.bystander == nil ? 0 : 1
        if cast.run.segments.endpoint(row, at: 0) & 1 == 0 { return .done }
        let claim = UInt64(offset - slots + 2)
        return cast.run.segments.isDecided(claim) ? .padding : .never
      },
      play: { stage in
        let bus = try stage.open()
        stage.begin()
        let freed = try bus.recover()
        stage.end()
        guard freed <= 1 else { return stage.line.say("bad \(freed) rows freed") }
        stage.say([:], bus)
      })
  }

  /// A publish that is held by the claim of a publisher that died meanwhile.
  private static var held: Scenario {
    Scenario(
      name: "publish-held", about: "publish, held by a dead publisher's claim", at: 64 + 2,
      slotsBefore: 3 + 63, published: 63, claims: [[63]],
      dead: { stage in
        let publisher = try stage.open().publisher()
        try stage.warm(publisher, as: Name.dead)
        let loan = try publisher.loan(byteCount: 40)
        stage.begin()
        withExtendedLifetime(loan.offset) {}
      },
      mayHaveBystander: false,
      play: { stage in
        let publisher = try stage.open().publisher()
        for number in 0..<63 {
          try publisher.publish(stage.payload(number, 40))
          if number == 0 { stage.rest() }
        }
        let payload = stage.payload(63, 40)
        stage.begin()
        let offset = try publisher.publish(payload, timeout: .zero)
        stage.end()
        stage.say([63: offset], payload)
      })
  }
}

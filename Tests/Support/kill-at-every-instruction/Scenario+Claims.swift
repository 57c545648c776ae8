import ShmBus
import TestSupport

extension Scenario {
  /// Operations on claims that stay open for a while.
  static var claiming: [Scenario] {
    [loan, loans, batch, commit, abort, abortSleeper]
  }

  private static var loan: Scenario {
    Scenario(
      name: "loan-publish", about: "claim, fill in place and publish two slots", at: 197,
      claims: [[2]], mayBeLapped: true
    ) { stage in
      let publisher = try stage.open().publisher()
      try stage.warm(publisher)
      let payload = stage.payload(2, 100)
      do {
        stage.begin()
        var loan = try publisher.loan(byteCount: 100)
        loan.fill(payload)
        let offset = try loan.publish()
        stage.end()
        stage.say([2: offset], payload)
      } catch { stage.fail(error) }
    }
  }

  /// Marks and the floor: two open loans and a message behind them.
  private static var loans: Scenario {
    Scenario(
      name: "two-loans", about: "two loans, a message behind them, then both published", at: 197,
      claims: [[2], [3], [4]], mayBeLapped: true
    ) { stage in
      let publisher = try stage.open().publisher()
      try stage.warm(publisher)
      let payloads = [stage.payload(2, 40), stage.payload(3, 100), stage.payload(4, 40)]
      do {
        stage.begin()
        var first = try publisher.loan(byteCount: 40)
        first.fill(payloads[0])
        var second = try publisher.loan(byteCount: 100)
        second.fill(payloads[1])
        let third = try? publisher.publish(payloads[2])
        let offset2 = try? second.publish()
        let offset1 = try? first.publish()
        stage.end()
        let offsets = [2: offset1, 3: offset2, 4: third]
        stage.say(offsets.compactMapValues { $0 }, payloads)
      } catch { stage.fail(error) }
    }
  }

  private static var batch: Scenario {
    Scenario(
      name: "batch", about: "three messages in six slots of a batch, the last slot padding",
      at: 197, claims: [[2, 3, 4]], mayBeLapped: true
    ) { stage in
      let publisher = try stage.open().publisher()
      try stage.warm(publisher)
      let payloads = [stage.payload(2, 40), stage.payload(3, 150), stage.payload(4, 40)]
      do {
        stage.begin()
        var batch = try publisher.batch(slots: 6)
        _ = batch.append(payloads[0])
        _ = batch.append(payloads[1])
        _ = batch.append(payloads[2])
        let first = try batch.publish()
        stage.end()
        stage.say([2: first, 3: first + 1, 4: first + 4], payloads)
      } catch { stage.fail(error) }
    }
  }

  private static var commit: Scenario {
    Scenario(
      name: "commit", about: "publish a loan that is filled", at: 198, slotsBefore: 3,
      claims: [[2]], mayBeLapped: true
    ) { stage in
      let publisher = try stage.open().publisher()
      try stage.warm(publisher)
      let payload = stage.payload(2, 40)
      do {
        var loan = try publisher.loan(byteCount: 40)
        loan.fill(payload)
        stage.begin()
        let offset = try loan.publish()
        stage.end()
        stage.say([2: offset], payload)
      } catch { stage.fail(error) }
    }
  }

  private static var abort: Scenario {
    abort("abort", "drop a loan", sleeper: false)
  }

  private static var abortSleeper: Scenario {
    abort("abort-sleeper", "drop a loan, a subscriber asleep", sleeper: true)
  }

  private static func abort(_ name: String, _ about: String, sleeper: Bool) -> Scenario {
    Scenario(
      name: name, about: about, at: 198, slotsBefore: 3, hasSleeper: sleeper, mayBeLapped: true,
      progress: { $0.run.segments.isDecided(197) ? .done : .never },
      play: { stage in
        let publisher = try stage.open().publisher()
        try stage.warm(publisher)
        let loan = try publisher.loan(byteCount: 40)
        stage.begin()
        drop(loan)
        stage.end()
        stage.say([:], 0)
      })
  }

  private static func drop(_ loan: consuming Loan) {}
}

import ShmBus
import TestSupport

extension Scenario {
  static var publishing: [Scenario] {
    [
      publish("publish-first", "one slot, the first lap", at: 5, [40]),
      publish("publish-later", "one slot, a later lap", at: 197, [40]),
      publish("publish-indexed", "one slot, with an index entry", at: 208, [40]),
      publish("publish-multi", "four slots", at: 197, [200]),
      publish("publish-wrap", "four slots across the ring's end", at: 190, [200]),
      publish("publish-key", "one slot, with a key", at: 197, [40], key: "a key"),
      publish("publish-sleeper", "one slot, a subscriber asleep", at: 197, [40], sleeper: true),
      Scenario(
        name: "publish-cold", about: "a publisher's first: gate, clock, another's claim to confirm",
        at: 197, slotsBefore: 0, published: 0, claims: [[0]], mayBeLapped: true
      ) { stage in
        let publisher = try stage.open().publisher()
        let payload = stage.payload(0, 40)
        do {
          stage.begin()
          let offset = try publisher.publish(payload)
          stage.end()
          stage.say([0: offset], payload)
        } catch { stage.fail(error) }
      },
    ]
  }

  private static func publish(
    _ name: String, _ about: String, at offset: Int, _ sizes: [Int], key: String? = nil,
    sleeper: Bool = false
  ) -> Scenario {
    Scenario(
      name: name, about: "publish, \(about)", at: offset, claims: [[2]], hasSleeper: sleeper,
      mayBeLapped: true
    ) { stage in
      let publisher = try stage.open().publisher()
      try stage.warm(publisher)
      let payload = stage.payload(2, sizes[0])
      do {
        stage.begin()
        let offset =
          if let key { try publisher.publish(payload, key: key) } else {
            try publisher.publish(payload)
          }
        stage.end()
        stage.say([2: offset], payload)
      } catch {
        stage.fail(error)
      }
    }
  }
}

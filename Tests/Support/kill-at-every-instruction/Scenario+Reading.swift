import Glibc
import ShmBus
import TestSupport

extension Scenario {
  /// Operations of a subscriber. The victim publishes to itself first, so that it reads in place.
  static var reading: [Scenario] {
    [
      reads("read", "the next six messages, in place"),
      copies,
      commits("head-commit", "commit one message", blocked: false),
      commits("head-commit-blocked", "commit one message, a publisher asleep", blocked: true),
    ]
  }

  private static func moved(_ cast: Cast) -> Outcome {
    cast.headOfVictim == cast.headAtBegin ? .never : .done
  }

  private static func reads(_ name: String, _ about: String) -> Scenario {
    Scenario(
      name: name, about: about, at: 200, slotsBefore: 8, published: 8, progress: moved
    ) { stage in
      let bus = try stage.open()
      var reader = try bus.subscriber(from: .latest)
      let publisher = try bus.publisher()
      for number in 0..<8 { try publisher.publish(stage.payload(number, 40)) }
      var bytes = 0
      stage.begin()
      for _ in 0..<6 {
        if let message = try reader.next(timeout: .zero) { bytes += message.bytes.byteCount }
      }
      stage.end()
      guard bytes == 240 else { return stage.line.say("bad \(bytes) bytes of 240") }
      stage.say([:], 0)
    }
  }

  private static var copies: Scenario {
    Scenario(
      name: "read-copied", about: "the next two messages, copied and checked", at: 200,
      slotsBefore: 0, published: 0, progress: moved
    ) { stage in
      var reader = try stage.open().subscriber(from: .earliest)
      var bytes = 0
      stage.begin()
      for _ in 0..<2 {
        if let message = try reader.next(timeout: .zero) { bytes += message.bytes.byteCount }
      }
      stage.end()
      guard bytes == 80 else { return stage.line.say("bad \(bytes) bytes of 80") }
      stage.say([:], 0)
    }
  }

  private static func commits(_ name: String, _ about: String, blocked: Bool) -> Scenario {
    Scenario(
      name: name, about: about, at: 200, slotsBefore: 3, published: 3, hasBlocked: blocked,
      mayOverwrite: blocked, progress: moved
    ) { stage in
      let bus = try stage.open()
      var reader = try bus.subscriber(from: .latest)
      let publisher = try bus.publisher()
      for number in 0..<3 { try publisher.publish(stage.payload(number, 40)) }
      // Its row is needed: the bus has two.
      close(publisher)
      guard var message = try reader.next(timeout: .zero) else {
        throw Violation("nothing to read")
      }
      stage.begin()
      try message.commit()
      stage.end()
      stage.say([:], 0)
    }
  }
}

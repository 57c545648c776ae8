import Glibc
import ShmBus
import TestSupport

extension Scenario {
  /// Long operations that are rare.
  static var cold: [Scenario] {
    [
      Scenario(
        name: "create", about: "create a bus", slotsBefore: 0, published: 0,
        mayHaveBystander: false, busExists: false
      ) { stage in
        stage.begin()
        let bus = try Bus.create(stage.bus, Run.configuration())
        stage.end()
        stage.say([:], bus)
      },
      quiet("open", "open a bus") { stage in
        stage.begin()
        let bus = try stage.open()
        stage.end()
        stage.say([:], bus)
      },
      quiet("attach-publisher", "register a publisher") { stage in
        let bus = try stage.open()
        stage.begin()
        let publisher = try bus.publisher()
        stage.end()
        publisher.keepAlive()
        stage.say([:], bus)
      },
      quiet("attach-subscriber", "register a subscriber") { stage in
        let bus = try stage.open()
        stage.begin()
        let reader = try bus.subscriber(from: .earliest)
        stage.end()
        _ = reader.position(inPartition: 0)
        stage.say([:], bus)
      },
      quiet("close-publisher", "close a publisher") { stage in
        let bus = try stage.open()
        let publisher = try bus.publisher()
        stage.begin()
        close(publisher)
        stage.end()
        stage.say([:], bus)
      },
      quiet("close-subscriber", "close a subscriber") { stage in
        let bus = try stage.open()
        let reader = try bus.subscriber(from: .earliest)
        stage.begin()
        close(reader)
        stage.end()
        stage.say([:], bus)
      },
      Scenario(
        name: "remove", about: "remove a bus", at: 200, slotsBefore: 0, published: 0,
        mayHaveBystander: false
      ) { stage in
        stage.begin()
        try Bus.remove(stage.bus)
        stage.end()
        stage.say([:], 0)
      },
    ]
  }

  private static func quiet(
    _ name: String, _ about: String, _ play: @escaping (Stage) throws -> Void
  ) -> Scenario {
    Scenario(
      name: name, about: about, at: 200, slotsBefore: 0, published: 0,
      progress: { _ in .done }, play: play)
  }

  static func close(_ publisher: consuming Publisher) {}
  static func close(_ reader: consuming Subscriber) {}
}

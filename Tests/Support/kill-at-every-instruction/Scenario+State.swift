import Glibc
import ShmBus
import TestSupport

extension Scenario {
  /// What is done to the two copies of a checkpoint, which are files: they change at system calls.
  static var keeping: [Scenario] {
    [
      kept("checkpoint", "write a checkpoint over the older copy") { stage in
        let bus = try stage.open()
        stage.begin()
        try bus.checkpoint()
        stage.end()
        stage.say([:], bus)
      },
      kept("checkpoint-first", "write the first two copies", hasCheckpoint: false) { stage in
        let bus = try stage.open()
        stage.begin()
        try bus.checkpoint()
        stage.end()
        stage.say([:], bus)
      },
      kept("restore", "restore a bus from its checkpoint", busExists: false) { stage in
        stage.begin()
        let directory = StateFolder(of: stage.bus).directory
        let bus = try Bus.restore(stage.bus, from: .path(directory), keepsHouse: false)
        stage.end()
        stage.say([:], bus)
      },
    ]
  }

  private static func kept(
    _ name: String, _ about: String, busExists: Bool = true, hasCheckpoint: Bool = true,
    _ play: @escaping (Stage) throws -> Void
  ) -> Scenario {
    Scenario(
      name: name, about: about, at: 200, slotsBefore: 0, published: 0, mayHaveBystander: false,
      busExists: busExists, keepsState: true, hasCheckpoint: hasCheckpoint, play: play)
  }
}

import Glibc
import TestSupport

@testable import ShmBus

/// A state directory of a test's own, and a bus in it; both are gone afterwards.
func withKeptBus<Result>(
  _ configuration: BusConfiguration = BusConfiguration(partitions: 2, slots: 64, slotSize: 64),
  _ body: (Bus, _ directory: String) throws -> Result
) throws -> Result {
  let name = TestSpace.busName("kept")
  let directory = "/tmp/shmbus-\(TestSpace.namespace)-\(name)"
  var configuration = configuration
  configuration.stateDirectory = .path(directory)
  let place = StatePlace(directory, namespace: TestSpace.namespace, name: name)
  defer {
    TestSpace.clear(name)
    try? place.remove()
    Directory.remove(directory)
  }
  return try body(Bus.create(name, configuration, keepsHouse: false), directory)
}

/// What a loss of the host's memory leaves of a bus: nothing in shared memory.
func loseMemory(of bus: String) { TestSpace.clear(bus) }

/// Overwrites a byte of a file.
func spoil(_ path: String, at place: Int) {
  let file = unsafe open(path, O_RDWR | O_CLOEXEC)
  var byte: UInt8 = 0
  _ = unsafe pread(file, &byte, 1, place)
  byte ^= 0x55
  _ = unsafe pwrite(file, &byte, 1, place)
  close(file)
}

/// Whether both copies of a bus's checkpoint are there and whole.
func areWhole(_ place: StatePlace) -> Bool {
  CheckpointFiles.names.allSatisfy { name in
    (try? Segment(path: place.path + "/" + name)).map { CheckpointInspector($0).isWhole } ?? false
  }
}

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

/// The bytes of a file.
func bytes(of path: String) -> [UInt8] {
  guard let directory = try? Directory(String(path[..<path.lastIndex(of: "/")!])),
    let file = try? DurableFile(
      String(path[path.index(after: path.lastIndex(of: "/")!)...]), in: directory, create: false)
  else { return [] }
  return (try? file.read(atMost: 1 << 30)) ?? []
}

/// Replaces a file's bytes.
func put(_ bytes: [UInt8], into path: String) {
  let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  _ = unsafe write(file, bytes, bytes.count)
  close(file)
}

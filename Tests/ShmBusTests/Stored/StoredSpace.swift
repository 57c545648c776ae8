import Glibc
import TestSupport

@testable import ShmBus

/// A directory for stored buses, gone with the value. On a real file system where there is one.
final class StoredSpace {
  let directory: String

  init() {
    _ = TestSpace.namespace
    var template = Array("/var/tmp/shmbus-test-XXXXXX".utf8CString)
    directory = unsafe template.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress, let path = unsafe mkdtemp(start) else {
        preconditionFailure("a test can make a directory")
      }
      return unsafe String(cString: path)
    }
  }

  deinit {
    for file in files { unsafe _ = unlink("\(directory)/\(file)") }
    unsafe _ = rmdir(directory)
  }

  var files: [String] { fileNames(in: directory) }

  func path(_ bus: String, _ partition: Int) -> String {
    "\(directory)/shmbus-\(TestSpace.namespace).\(bus).p\(partition)"
  }

  func configuration(_ change: (inout BusConfiguration) -> Void = { _ in }) -> BusConfiguration {
    var configuration = BusConfiguration(
      slots: 1024, slotSize: 64, maxPublishers: 8, maxSubscribers: 8, maxGroups: 4,
      maxProducers: 1, storage: directory)
    change(&configuration)
    return configuration
  }

  /// A new stored bus; nothing of it is left in shared memory afterwards.
  func withBus<Result>(
    _ configuration: BusConfiguration? = nil, _ body: (Bus) throws -> Result
  ) throws -> Result {
    let name = TestSpace.busName("stored")
    defer { TestSpace.clear(name) }
    return try body(Bus.create(name, configuration ?? self.configuration()))
  }

  /// As somebody does who needs another disk.
  func move(to other: StoredSpace) throws {
    for file in files {
      guard unsafe rename("\(directory)/\(file)", "\(other.directory)/\(file)") == 0 else {
        throw SystemError.last("rename", file)
      }
    }
  }
}

/// What a reader of an adopted bus was given: messages and gaps, in order.
struct Harvest {
  var messages: [OwnedMessage] = []
  var gaps: [SubscribeError.Gap] = []
  var damaged: [Offset] = []

  /// Reads all there is in partition 0.
  init(_ bus: Bus) throws {
    var reader = try bus.observer(from: .earliest)
    // Ends: each round gives a message, or a gap that ends nearer to the cursor.
    while true {
      do {
        guard let message = try reader.copy(within: .zero) else { return }
        messages.append(message)
      } catch SubscribeError.gap(let gap) {
        gaps.append(gap)
      } catch SubscribeError.damaged(_, let offset) {
        damaged.append(offset)
      }
    }
  }
}

// Checkpoints: bytes as they are, and a good one that was changed and given a checksum that is right; what decodes is
// encoded again, and filled into the tables of a bus. And lookups in an index of which nothing is true.

import CShmBus
import Glibc

@testable import ShmBus

private let sample: Sample = {
  FuzzSpace.clear()
  FuzzSpace.enter()
  do {
    return try Sample("a", .tiny(whenFull: .overwrite, checksum: false), withTheDead: false)
  } catch { fatalError("\(error)") }
}()

/// Opened when its stamps were made the same.
private let bus: Bus = {
  do { return try Bus.open(sample.bus.name) } catch { fatalError("\(error)") }
}()

private let good: [UInt8] = {
  do {
    try bus.createGroup(.group("g"), from: .earliest)
    defer { sample.restore() }
    let segments = try (0..<2).map { try bus.segment($0, writable: false) }
    defer { withExtendedLifetime(segments) {} }
    var checkpoint = Checkpoint.capture(
      bus.map, rings: segments.map(\.ring), generation: 5, number: 3)
    checkpoint.image.time = 7
    CheckpointImage.put(5, in: &checkpoint.image.control, at: 16)
    return checkpoint.image.encoded()
  } catch { fatalError("\(error)") }
}()

/// Restores into private memory: the sanitizer sees every byte outside of it.
private func fill(_ checkpoint: Checkpoint) {
  let configuration = checkpoint.configuration
  guard (try? configuration.validate()) != nil, configuration.controlBytes < 1 << 22 else { return }
  let layout = configuration.controlLayout
  let memory = UnsafeMutableRawPointer.allocate(byteCount: layout.segmentBytes, alignment: 4096)
  unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: layout.segmentBytes)
  defer { unsafe memory.deallocate() }
  let map = unsafe ControlMap(memory, layout)
  unsafe Restoration.fill(map.header, from: checkpoint)
  // Memory that was lost, and files whose window ends at the ceiling.
  for kept: UInt64 in [0, 64] {
    Restoration(checkpoint, map).fillTables(
      checkpoint.image.partitions.indices.map {
        let end = min(checkpoint.ceiling(of: $0), Packed.offsetLimit)
        return (end - min(end, kept))..<end
      })
  }
}

private func decode(_ bytes: [UInt8]) {
  let inspector = CheckpointInspector(Segment(name: "meta.0", bytes: bytes))
  require(inspector.report.partitions.count <= 1024, "more partitions than can be")
  guard let checkpoint = try? Checkpoint(decoding: bytes, named: "meta.0") else {
    return require(!inspector.isWhole, "what is whole does not decode")
  }
  let again = try? Checkpoint(decoding: checkpoint.image.encoded(), named: "meta.0")
  require(again == checkpoint, "encoded again it is something else")
  fill(checkpoint)
}

private func lookUp(_ input: inout FuzzInput) {
  guard let segment = try? bus.segment(0, writable: true) else { fatalError("no segment") }
  let ring = segment.ring
  // Ends: each change takes bytes.
  for _ in 0..<32 where !input.isEmpty {
    let entry = ring.indexEntry(input.number(1) * (ring.spacingMask + 1))
    entry.start.storeRelaxed(input.number(2))
    entry.timestamp.storeRelaxed(input.number(2))
  }
  let time = input.number(8)
  require(ring.messageStart(notBefore: time) <= ring.end, "a place beyond the cursor")
  ring.rebuildIndex()
  let place = ring.messageStart(notBefore: time)
  let walked = ring.walk(
    toTime: time, from: ring.messageStart(atOrAfter: ring.oldestIntact), to: ring.end)
  require(place == walked, "\(place), and \(String(describing: walked)) without the index")
}

/// One execution.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCheckpoint(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = unsafe FuzzInput(data, count)
  switch input.byte() & 3 {
  case 0: decode(input.rest)
  case 1:
    lookUp(&input)
    sample.restore()
  default:
    var bytes = good
    // Ends: each change takes bytes.
    for _ in 0..<32 where !input.isEmpty {
      let place = input.below(min(bytes.count, 65_536))
      bytes[place] = input.byte()
    }
    let sum = CheckpointImage.checksum(of: bytes)
    for byte in 0..<4 {
      bytes[CheckpointImage.checksumPlace + byte] = UInt8(
        truncatingIfNeeded: sum >> UInt32(8 * byte))
    }
    decode(bytes)
  }
  return 0
}

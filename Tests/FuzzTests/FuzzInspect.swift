// Everything that decodes a segment, through the calls that `dump-shm` makes, and its renderers:
// copies of the segments of a small bus are changed in some places, cut or left out, and looked at.

import Glibc
import ToolSupport

@testable import ShmBus
@testable import dump_shm

private let samples: [Sample] = {
  FuzzSpace.clear()
  FuzzSpace.enter()
  do {
    let all = [
      try Sample("a", .tiny(whenFull: .block, checksum: true), withTheDead: false),
      try Sample("b", .tiny(whenFull: .overwrite, checksum: false), withTheDead: true),
    ]
    for sample in all {
      let report = look(sample.images, names: ["x.control", "x.p0", "x.p1"], .thorough)
      require(!report.isDamaged, "a healthy bus is called damaged: \(report.findings)")
    }
    FuzzSpace.clear()
    return all
  } catch { fatalError("\(error)") }
}()

private let nowhere = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)

extension InspectionOptions {
  fileprivate static var thorough: InspectionOptions {
    InspectionOptions(newest: 1_000, withPayload: true, verify: true)
  }
}

private func look(
  _ images: [[UInt8]], names: [String], _ options: InspectionOptions
) -> BusReport {
  Inspection.report(
    of: zip(names, images).map { Segment(name: $0, bytes: $1) }, named: "x", isWhole: true, options)
}

private func options(_ input: inout FuzzInput) -> InspectionOptions {
  let first = input.number(2)
  var options =
    first & 1 == 0
    ? InspectionOptions.thorough
    : InspectionOptions(offsets: first >> 2...(first >> 2) + 8, withPayload: first & 2 == 0)
  if first & 2 == 0 { options.verify = true }
  return options
}

private func render(_ report: BusReport, _ way: UInt8) {
  var output = OutputBuffer(descriptor: nowhere)
  do {
    switch way & 7 {
    case 0: try JSONReport(report).write(to: &output)
    case 1: require(!Picture(report).document.isEmpty, "an empty picture")
    case 2: try TextReport(report, terminal: .output, full: true).maps(to: &output)
    case 3: try TextReport(report, terminal: .output, full: false).all(to: &output)
    case 4: try TextReport(report, terminal: .output, full: false).verdict(to: &output)
    case 5:
      try TextReport(report, terminal: .output, full: false).slots(to: &output, withBytes: true)
    default: break
    }
    try output.flush()
  } catch { fatalError("\(error)") }
}

/// One execution.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzInspect(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = unsafe FuzzInput(data, count)
  let way = input.byte()
  let sample = samples[Int(way >> 7)]
  let options = options(&input)
  var names = ["x.control", "x.p0", "x.p1"]
  let cuts = input.byte()
  var images = sample.images
  let buffers = unsafe images.map { image in
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: image.count, alignment: 64)
    unsafe copy.copyBytes(from: image)
    return unsafe copy
  }
  let mutation = unsafe Mutation(
    segments: buffers, control: sample.mutation.control, partition: sample.mutation.partition)
  let cut = cuts & 3 == 0 ? input.below(3) : 3
  let length = Int(input.number(2))
  if cuts & 4 == 0 {
    // Nothing but what the fuzzer made.
    let raw = input.rest
    unsafe buffers[cut % 3].copyBytes(from: raw.prefix(buffers[cut % 3].count))
  } else {
    // Ends: each mutation takes at least a byte, and 64 change enough.
    for _ in 0..<64 where !input.isEmpty { mutation.apply(&input) }
  }
  for place in unsafe buffers.indices {
    unsafe images[place] = Array(buffers[place])
    unsafe buffers[place].deallocate()
  }
  if cut < 3 { images[cut] = Array(images[cut].prefix(length)) }
  if cuts & 0x18 == 0x18 { names = ["c", "d", "e"] }
  if cuts & 0xe0 == 0xe0 {
    names.removeFirst()
    images.removeFirst()
  }
  render(look(images, names: names, options), way)
  return 0
}

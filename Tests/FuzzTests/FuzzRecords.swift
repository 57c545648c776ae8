// How `publish` cuts its input into records, and the frames of a bridge.

import ToolSupport

/// The records of an input that comes in pieces of `step` bytes, each as its place and length, and
/// -1 for an input that breaks off or is no such thing.
private func records(_ cutter: Cutter, _ bytes: [UInt8], step: Int) -> [Int] {
  var found: [Int] = []
  var done = 0
  var have = 0
  while true {
    var searched = 0
    while true {
      // A copy, so that a look behind what has come is a look outside.
      let piece = Array(bytes[done..<have])
      let isAtEnd = have == bytes.count
      let cut: Cutter.Cut?
      do {
        cut = try unsafe piece.withUnsafeBytes { piece in
          try unsafe cutter.first(in: piece, searched: searched, isAtEnd: isAtEnd)
        }
      } catch { return found + [-1] }
      guard let cut else {
        searched = piece.count
        break
      }
      require(cut.taken > 0, "a record takes nothing")
      require(
        cut.start >= 0 && cut.count >= 0 && cut.start + cut.count <= cut.taken
          && cut.taken <= piece.count, "a record outside the input")
      found += [done + cut.start, cut.count]
      if case .frames = cutter { tryFrame(Array(piece[cut.start..<(cut.start + cut.count)])) }
      done += cut.taken
      searched = 0
    }
    if have == bytes.count { return found }
    have = min(bytes.count, have + step)
  }
}

private func tryFrame(_ bytes: [UInt8]) {
  let span = unsafe bytes.span.bytes
  guard let frame = try? Frame(span) else { return }
  let parts = Frame.headerSize + frame.origin.bus.count + frame.payload(in: span).byteCount
  if let key = frame.key(in: span) {
    require(parts + key.byteCount == bytes.count, "its parts are not the frame")
  } else {
    require(parts <= bytes.count, "its parts are more than the frame")
  }
  for count in [1, 2, 7, 1024] {
    require(frame.place(among: count).map { (0..<count).contains($0) } ?? true, "place")
  }
  var seen = SeenOrigins()
  require(seen.isNew(frame) && !seen.isNew(frame) && seen.duplicates == 1, "a frame is new once")
}

/// One execution.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRecords(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = unsafe FuzzInput(data, count)
  let kind = input.byte()
  let step = 1 + Int(input.byte())
  let cutter: Cutter =
    switch kind & 3 {
    case 0: .terminated(by: input.byte())
    case 1: .blocks(1 + Int(input.byte()))
    case 2: .lengthPrefixed
    default: .frames
    }
  let bytes = input.rest
  if kind & 4 == 0 { tryFrame(bytes) }
  let whole = records(cutter, bytes, step: bytes.count + 1)
  let pieces = records(cutter, bytes, step: step)
  require(whole == pieces, "\(whole) at once, \(pieces) in pieces of \(step)")
  return 0
}

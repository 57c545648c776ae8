import ShmBus
import ToolSupport

/// The headers of a partition's messages, and their bytes.
struct SlotTable {
  private let partition: PartitionReport
  private let terminal: Terminal

  init(_ partition: PartitionReport, _ terminal: Terminal) {
    self.partition = partition
    self.terminal = terminal
  }

  func write(to output: inout OutputBuffer, withBytes: Bool) throws(OutputError) {
    guard let ring = partition.ring else { return }
    var title = terminal.styled("partition \(partition.partition)", .bold)
    if ring.slots.isEmpty {
      return try output.append("\(title): no message here\n")
    }
    if ring.slotsOmitted > 0 {
      title +=
        ": the newest \(ring.slots.count) of "
        + "\(Numbers.grouped(ring.slots.count + ring.slotsOmitted)); --offsets A..B shows others"
    }
    try output.append(title + "\n")
    let head =
      "        OFFSET  STATE        SPAN  PUB    LENGTH  TIME (UTC)                     FLAGS  KEY"
    try output.append(terminal.styled(head, .bold) + "\n")
    for slot in ring.slots {
      try output.append(line(slot) + "\n")
      if withBytes {
        try dump("key", slot.key, to: &output)
        try dump("payload", slot.payload, to: &output)
      }
    }
  }

  private func line(_ slot: SlotReport) -> String {
    let start =
      "\(slot.offset)".right(14) + "  " + state(slot) + "\(slot.span)".right(6)
      + "\(slot.publisher)".right(5)
    // Only a message has a header of this lap.
    guard slot.state == .message || slot.state == .done || slot.state == .damaged else {
      return start
    }
    return start + "\(slot.length)".right(10) + "  " + Moment.text(slot.timestamp).left(31)
      + flags(slot).left(7) + SegmentText.line(slot.key, most: 32)
  }

  private func state(_ slot: SlotReport) -> String {
    let text = slot.state.rawValue.left(11)
    return switch slot.state {
    case .damaged: terminal.styled(text, .red)
    case .open: terminal.styled(text, .yellow)
    case .quarantined: terminal.styled(text, .magenta)
    case .padding: terminal.styled(text, .dim)
    case .free, .message, .done, .remnant, .overrun: text
    }
  }

  /// b: inside a batch, p: producer, k: key, c: checksum (C: a wrong one), +: the batch goes on.
  private func flags(_ slot: SlotReport) -> String {
    let letters: [(UInt16, String)] = [
      (1, "b"), (2, "p"), (4, "k"), (8, slot.isChecksumRight == false ? "C" : "c"), (16, "+"),
    ]
    return letters.map { slot.flags & $0.0 != 0 ? $0.1 : "-" }.joined()
  }

  private func dump(
    _ name: String, _ bytes: [UInt8], to output: inout OutputBuffer
  ) throws(OutputError) {
    guard !bytes.isEmpty else { return }
    try output.append("    \(name), \(Numbers.grouped(bytes.count)) bytes\n")
    var first = 0
    while first < bytes.count {
      let row = bytes[first..<min(first + 16, bytes.count)]
      try output.append("    " + SegmentText.hexLine(row, at: first) + "\n")
      first += 16
    }
  }
}

/// Bytes as text that a terminal can be given.
enum SegmentText {
  static func hex(_ value: UInt64, width: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }

  /// "00000010  68 65 6c 6c 6f 20 77 6f  72 6c 64 ...  |hello world|".
  static func hexLine(_ bytes: ArraySlice<UInt8>, at offset: Int) -> String {
    var line = hex(UInt64(offset), width: 8) + " "
    for place in 0..<16 {
      if place == 8 { line += " " }
      let index = bytes.startIndex + place
      line += index < bytes.endIndex ? " " + hex(UInt64(bytes[index]), width: 2) : "   "
    }
    let text = bytes.map { (0x20..<0x7f).contains($0) ? Character(Unicode.Scalar($0)) : "." }
    return line + "  |" + String(text) + "|"
  }

  /// On one line, with nothing in it that a terminal acts upon; what is no text as hexadecimal digits.
  static func line(_ bytes: [UInt8], most: Int) -> String {
    let shown = bytes.prefix(most)
    let more = bytes.count > most ? "..." : ""
    let isText = shown.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    if isText, let text = String(validating: shown, as: UTF8.self),
      text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    {
      return text + more
    }
    return "0x" + bytes.prefix(most / 2).map { hex(UInt64($0), width: 2) }.joined()
      + (bytes.count > most / 2 ? "..." : "")
  }
}

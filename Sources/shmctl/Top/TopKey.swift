/// What a key asks `top` for.
enum TopKey: Equatable {
  case quit
  case sort
  case nextBus
  case previousBus
  /// Counted from 1.
  case bus(Int)
  case up
  case down
  case pageUp
  case pageDown
  case help

  /// The keys in what a terminal sent; what means nothing is passed over.
  static func all(in bytes: [UInt8]) -> [TopKey] {
    var keys: [TopKey] = []
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      if byte == 0x1B, let next = rest.first, next == UInt8(ascii: "[") || next == UInt8(ascii: "O")
      {
        rest.removeFirst()
        // Parameters, then one final byte.
        let parameters = rest.prefix { $0 < 0x40 }
        rest = rest.dropFirst(parameters.count)
        if let final = rest.popFirst(), let key = sequence(final, parameters) { keys.append(key) }
      } else if let key = plain(byte) {
        keys.append(key)
      }
    }
    return keys
  }

  private static func sequence(_ final: UInt8, _ parameters: ArraySlice<UInt8>) -> TopKey? {
    switch (final, parameters.first) {
    case (UInt8(ascii: "A"), _): .up
    case (UInt8(ascii: "B"), _): .down
    case (UInt8(ascii: "C"), _): .nextBus
    case (UInt8(ascii: "D"), _): .previousBus
    case (UInt8(ascii: "~"), UInt8(ascii: "5")): .pageUp
    case (UInt8(ascii: "~"), UInt8(ascii: "6")): .pageDown
    default: nil
    }
  }

  private static func plain(_ byte: UInt8) -> TopKey? {
    switch byte {
    // Control-C and Control-D come as bytes where the terminal makes no signals of them.
    case UInt8(ascii: "q"), UInt8(ascii: "Q"), 3, 4: .quit
    case UInt8(ascii: "s"): .sort
    case UInt8(ascii: "n"), UInt8(ascii: "l"): .nextBus
    case UInt8(ascii: "p"): .previousBus
    case UInt8(ascii: "k"): .up
    case UInt8(ascii: "j"): .down
    case UInt8(ascii: "h"), UInt8(ascii: "?"): .help
    case UInt8(ascii: "1")...UInt8(ascii: "9"): .bus(Int(byte - UInt8(ascii: "0")))
    default: nil
    }
  }
}

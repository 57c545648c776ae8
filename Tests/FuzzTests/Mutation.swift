import CShmBus

@testable import ShmBus

/// What the fuzzer may do to the bytes of a bus's segments. Words that steer something are built
/// from their parts, so that not every input is refused by the first look.
@safe
struct Mutation {
  /// The segments: control first, then the partitions.
  let segments: [UnsafeMutableRawBufferPointer]
  let control: ControlLayout
  let partition: PartitionLayout

  private var count: Int { unsafe segments.count }

  /// Applies one mutation.
  func apply(_ input: inout FuzzInput) {
    switch input.below(10) {
    case 0: header(&input)
    case 1: slot(&input)
    case 2: quarantine(&input)
    case 3: cursor(&input)
    case 4: cell(&input)
    case 5: head(&input)
    case 6: row(&input)
    default: anything(&input)
    }
  }

  /// Numbers at which something changes.
  private static let edges: [UInt64] = [
    0, 1, 2, 3, 63, 64, 65, 1023, 1024, 4095, 4096, .max, .max - 1, 1 << 31, 1 << 32, 1 << 40,
    1 << 52, (1 << 52) - 1, 1 << 54, 1 << 63, (1 << 63) - 1, UInt64(UInt32.max),
  ]

  private func value(_ input: inout FuzzInput) -> UInt64 {
    let kind = input.byte()
    switch kind & 3 {
    case 0: return UInt64(kind >> 2)
    case 1: return Self.edges[Int(kind >> 2) % Self.edges.count]
    case 2: return input.number(2)
    default: return input.number()
    }
  }

  private func store(_ value: UInt64, _ count: Int, in segment: Int, at place: Int) {
    let bytes = unsafe segments[segment]
    for index in 0..<count where place + index < bytes.count {
      unsafe bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }

  private func anything(_ input: inout FuzzInput) {
    let segment = input.below(count)
    let width = [1, 2, 4, 8][input.below(4)]
    let place = unsafe input.below(segments[segment].count) / width * width
    store(value(&input), width, in: segment, at: place)
  }

  private func header(_ input: inout FuzzInput) {
    let segment = input.below(count)
    let place = input.below(segment == 0 ? 256 : 64) * 4
    store(value(&input), place < 128 || input.byte() & 1 == 0 ? 8 : 4, in: segment, at: place)
  }

  private func ring(_ input: inout FuzzInput) -> Int { 1 + input.below(count - 1) }

  private func lap(_ input: inout FuzzInput) -> UInt64 {
    let kind = input.byte()
    return kind < 200 ? UInt64(kind & 3) : value(&input)
  }

  private func slot(_ input: inout FuzzInput) {
    let segment = ring(&input)
    let place = partition.headersOffset + input.below(partition.slots) * SlotHeader.size
    let kind = input.byte()
    if kind & 3 == 0 {
      store(value(&input), 8, in: segment, at: place + Int(kind >> 2 & 7) * 8)
    } else {
      let word = ControlWord(
        state: UInt64(kind >> 2 & 3), lap: lap(&input), span: value(&input) & 4095,
        publisher: UInt64(kind >> 4))
      store(word.raw, 8, in: segment, at: place + 16)
    }
  }

  private func quarantine(_ input: inout FuzzInput) {
    let partitions = count - 1
    let place = ControlInspector.place(
      ofQuarantine: input.below(control.quarantineRows), partition: input.below(partitions),
      in: control)
    let state = Verdict.State(rawValue: UInt64(input.below(6))) ?? .free
    let claim = Packed.claim(UInt64(input.below(256)), span: value(&input) & 4095)
    store(claim, 8, in: 0, at: place)
    store(Packed.owner(row: input.below(8), incarnation: value(&input)), 8, in: 0, at: place + 8)
    store(Verdict(state, lap: lap(&input), use: 1).raw, 8, in: 0, at: place + 16)
    for number in 0..<partitions {
      store(1, 8, in: 0, at: ControlInspector.place(of: number, in: control) + 8)
    }
  }

  private func cursor(_ input: inout FuzzInput) {
    let segment = ring(&input)
    let claimant = input.byte() & 1 == 0 ? UInt64(input.below(8)) : input.number(2) & 1023
    store(Packed.cursor(value(&input), claimant: claimant), 8, in: segment, at: 128)
  }

  private func cell(_ input: inout FuzzInput) {
    let segment = ring(&input)
    let place = partition.cellsOffset + input.below(partition.maxPublishers) * 128
    store(
      Packed.claim(value(&input), span: UInt64(input.below(80))), 8, in: segment, at: place)
    if input.byte() & 1 == 0 { store(value(&input), 8, in: segment, at: place + 8) }
  }

  private func head(_ input: inout FuzzInput) {
    let place = ControlInspector.place(
      ofHead: input.below(control.headRows), partition: input.below(count - 1),
      in: control)
    store(Packed.head(value(&input), term: UInt64(input.byte())), 8, in: 0, at: place)
  }

  private func row(_ input: inout FuzzInput) {
    let row = input.below(control.endpointRows)
    let place = ControlInspector.place(ofEndpoint: row, in: control)
    store(value(&input), 8, in: 0, at: place + input.below(24) * 8)
  }
}

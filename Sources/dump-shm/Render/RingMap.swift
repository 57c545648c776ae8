import ShmBus
import ToolSupport

/// A ring as rows of letters, in the order of its slots, with its cursor, gate and heads below them.
struct RingMap {
  private let partition: PartitionReport
  private let control: ControlReport?
  private let terminal: Terminal
  private let full: Bool

  init(
    _ partition: PartitionReport, _ control: ControlReport?, _ terminal: Terminal, full: Bool
  ) {
    self.partition = partition
    self.control = control
    self.terminal = terminal
    self.full = full
  }

  func write(to output: inout OutputBuffer) throws(OutputError) {
    guard let ring = partition.ring else { return }
    let map = CellMap(ring, most: full ? .max : 512)
    let unit = map.slotsPerCell == 1 ? "a slot" : "\(map.slotsPerCell) slots"
    try output.append(
      terminal.styled("partition \(partition.partition)", .bold)
        + ": \(Numbers.grouped(ring.capacity)) slots, a letter is \(unit)\n")
    let markers = Marker.all(ring, partition.partition, control)
    let width = 64
    let margin = "\(ring.capacity)".count + 2
    var first = 0
    while first < map.cells.count {
      let row = first..<min(first + width, map.cells.count)
      let slot = UInt64(first) * map.slotsPerCell
      try output.append("\(slot)".right(margin) + "  " + colour(map.cells[row]) + "\n")
      if let line = line(of: markers, row, map, ring) {
        try output.append(String(repeating: " ", count: margin + 2) + line + "\n")
      }
      first += width
    }
    try output.append(legend(ring) + "\n")
  }

  /// Letters, on the colour of their state where there are colours.
  private func colour(_ cells: ArraySlice<RingReport.State>) -> String {
    guard terminal.hasColours else { return String(cells.map(\.letter)) }
    var text = ""
    var current: RingReport.State?
    for cell in cells {
      if cell != current {
        let (back, fore) = cell.terminalColours
        text += "\u{1B}[48;5;\(back);38;5;\(fore)m"
        current = cell
      }
      text.append(cell.letter)
    }
    return text + "\u{1B}[0m"
  }

  /// "  ^       ^ gate 17, cursor 81": the places in this row that have a name.
  private func line(
    of markers: [Marker], _ row: Range<Int>, _ map: CellMap, _ ring: RingReport
  ) -> String? {
    let placed = markers.map { marker in
      (column: Int(marker.offset % ring.capacity / map.slotsPerCell) - row.lowerBound, marker)
    }.filter { (0..<row.count).contains($0.column) }.sorted { $0.column < $1.column }
    guard let last = placed.last else { return nil }
    var carets = [Character](repeating: " ", count: last.column + 1)
    for place in placed { carets[place.column] = "^" }
    return String(carets) + " " + placed.map { $0.1.label(most: 40) }.joined(separator: "; ")
  }

  private func legend(_ ring: RingReport) -> String {
    CellMap.counts(ring).map { state, slots in
      "\(colour([state])) \(state.meaning) \(Numbers.grouped(slots))"
    }.joined(separator: "   ")
  }
}

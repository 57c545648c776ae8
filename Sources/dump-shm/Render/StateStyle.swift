import ShmBus
import ToolSupport

extension RingReport.State {
  /// How the text map shows it where there are no colours, and beside them.
  var letter: Character {
    switch self {
    case .free: "."
    case .message: "M"
    case .done: "d"
    case .padding: "p"
    case .open: "O"
    case .quarantined: "Q"
    case .remnant: "-"
    case .overrun: "~"
    case .damaged: "X"
    }
  }

  var meaning: String {
    switch self {
    case .free: "free"
    case .message: "message"
    case .done: "message, read by all"
    case .padding: "padding"
    case .open: "claimed, undecided"
    case .quarantined: "out of use"
    case .remnant: "rest of an overwritten claim"
    case .overrun: "overwritten meanwhile"
    case .damaged: "damaged"
    }
  }

  /// Background and foreground of the terminal's 256 colours.
  var terminalColours: (back: Int, fore: Int) {
    switch self {
    case .free: (236, 244)
    case .message: (30, 231)
    case .done: (23, 152)
    case .padding: (240, 252)
    case .open: (214, 16)
    case .quarantined: (133, 231)
    case .remnant: (238, 246)
    case .overrun: (238, 250)
    case .damaged: (196, 231)
    }
  }

  /// The same in a picture.
  var fill: String {
    switch self {
    case .free: "#e8ebef"
    case .message: "#14808c"
    case .done: "#a9d5d6"
    case .padding: "#b4bac4"
    case .open: "#f2a81d"
    case .quarantined: "#9a5bb5"
    case .remnant: "#d5dae1"
    case .overrun: "#c3cad4"
    case .damaged: "#d92d20"
    }
  }

  /// Which of several states a cell shows: the one that somebody would look for.
  var weight: Int {
    switch self {
    case .free: 0
    case .remnant: 1
    case .overrun: 2
    case .done: 3
    case .padding: 4
    case .message: 5
    case .open: 6
    case .quarantined: 7
    case .damaged: 8
    }
  }
}

/// A ring cut into cells of equally many slots, in the order of the slots.
struct CellMap {
  let slotsPerCell: UInt64
  let cells: [RingReport.State]

  init(_ ring: RingReport, most: Int) {
    let capacity = ring.capacity
    var perCell: UInt64 = 1
    while capacity / perCell > UInt64(most) { perCell *= 2 }
    var cells = [RingReport.State](repeating: .free, count: Int(capacity / perCell))
    for run in ring.runs {
      var offset = run.start
      // Ends: each round goes on to the next cell; a ring has few of them.
      while offset < run.end {
        let cell = Int(offset % capacity / perCell)
        if run.state.weight > cells[cell].weight { cells[cell] = run.state }
        offset += perCell - offset % perCell
      }
    }
    slotsPerCell = perCell
    self.cells = cells
  }

  /// How many slots are in each state.
  static func counts(_ ring: RingReport) -> [(state: RingReport.State, slots: UInt64)] {
    var counts: [RingReport.State: UInt64] = [:]
    for run in ring.runs { counts[run.state, default: 0] += run.count }
    let used = counts.values.reduce(0, +)
    counts[.free] = ring.capacity - min(ring.capacity, used)
    return RingReport.State.allCases.compactMap { state in
      guard let slots = counts[state], slots > 0 else { return nil }
      return (state, slots)
    }
  }
}

/// A place in the ring that has a name, or several.
struct Marker {
  let names: [String]
  let offset: UInt64
  let isCursor: Bool

  /// "gate, billing at 40", with as many names as there is room for.
  func label(most width: Int) -> String {
    var shown = names
    while shown.count > 1, shown.joined(separator: ", ").count > width { shown.removeLast() }
    let rest = names.count > shown.count ? " + \(names.count - shown.count)" : ""
    let at = names.count == 1 ? " " : " at "
    return "\(shown.joined(separator: ", "))\(rest)\(at)\(Numbers.grouped(offset))"
  }

  /// The cursor, then whoever holds the ring, the one furthest behind first.
  static func all(_ ring: RingReport, _ partition: Int, _ control: ControlReport?) -> [Marker] {
    var names: [UInt64: [String]] = [:]
    if let gate = ring.gate, gate < ring.cursor { names[gate, default: []].append("gate") }
    for head in control?.heads ?? [] where head.partition == partition {
      // A head far behind, as on a bus that overwrites, stands at no slot.
      guard head.offset <= ring.cursor, head.offset >= ring.oldest else { continue }
      names[head.offset, default: []].append(control?.name(of: head.owner) ?? "?")
    }
    let atCursor = names.removeValue(forKey: ring.cursor) ?? []
    return [Marker(names: ["cursor"] + atCursor, offset: ring.cursor, isCursor: true)]
      + names.sorted { $0.key < $1.key }.map {
        Marker(names: $0.value, offset: $0.key, isCursor: false)
      }
  }
}

extension ControlReport {
  func name(of owner: Head.Owner) -> String {
    switch owner {
    case .groupRow(let row): groups.first { $0.row == row }?.name ?? "group \(row)"
    case .subscriberRow(let row): "subscriber \(row)"
    }
  }
}

extension RingReport.Holder {
  var sentence: String {
    switch self {
    case .groupRow(let row): "group \(row)"
    case .subscriberRow(let row): "subscriber \(row)"
    case .publisherRow(let row): "publisher \(row)"
    }
  }
}

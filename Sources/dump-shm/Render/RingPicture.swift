import Glibc
import ShmBus
import ToolSupport

/// One ring: slots around a circle, what has a name beside it, what it amounts to in the middle.
struct RingPicture {
  static let height = 470.0

  private let partition: PartitionReport
  private let ring: RingReport
  private let control: ControlReport?
  private let centre: Point
  private let outer = 166.0
  private let inner = 114.0

  init(
    _ partition: PartitionReport, _ ring: RingReport, _ control: ControlReport?, top: Double
  ) {
    self.partition = partition
    self.ring = ring
    self.control = control
    centre = Point(x: 400, y: top + 235)
  }

  func draw(on svg: inout SVG) {
    drawCells(on: &svg)
    drawScale(on: &svg)
    drawMiddle(on: &svg)
    drawMarkers(on: &svg)
    drawFacts(on: &svg)
  }

  private func angle(ofSlot slot: Double) -> Double { slot / Double(ring.capacity) * 2 * .pi }

  /// Neighbours of one state are one arc; the slots of a small ring stand apart.
  private func drawCells(on svg: inout SVG) {
    let map = CellMap(ring, most: 1024)
    let count = map.cells.count
    let apart = count <= 128
    let gap = apart ? 0.0065 : 0
    var first = 0
    while first < count {
      var end = first + 1
      while !apart, end < count, map.cells[end] == map.cells[first] { end += 1 }
      let unit = 2 * Double.pi / Double(count)
      svg.arc(
        around: centre, from: inner, to: outer, Double(first) * unit + gap / 2,
        Double(end) * unit - gap / 2, fill: map.cells[first].fill)
      first = end
    }
  }

  /// Slot numbers at the quarters, inside.
  private func drawScale(on svg: inout SVG) {
    for quarter in 0..<4 {
      let slot = ring.capacity / 4 * UInt64(quarter)
      let angle = angle(ofSlot: Double(slot))
      svg.lines(
        [centre.moved(angle, inner - 2), centre.moved(angle, inner - 8)], stroke: SVG.quiet)
      let at = centre.moved(angle, inner - 16)
      let anchors: [SVG.Anchor] = [.middle, .end, .middle, .start]
      svg.text(
        Numbers.grouped(slot), at.x, at.y + 4, size: 10, fill: SVG.quiet,
        anchor: anchors[quarter])
    }
  }

  private func drawMiddle(on svg: inout SVG) {
    let kept = ring.cursor - min(ring.cursor, ring.gate ?? ring.oldest)
    let share = Double(min(kept, ring.capacity)) / Double(ring.capacity) * 100
    svg.text(
      "partition \(partition.partition)", centre.x, centre.y - 28, size: 13, weight: 600,
      fill: SVG.quiet, anchor: .middle)
    let shown = kept > 0 && share < 1 ? "<1" : Numbers.decimal(share, places: 0)
    svg.text(
      "\(shown) %", centre.x, centre.y + 10, size: 36, weight: 700, anchor: .middle)
    svg.text(
      ring.gate == nil ? "used" : "not to be overwritten", centre.x, centre.y + 30, size: 11,
      fill: SVG.quiet, anchor: .middle)
  }

  /// The names stand in a column on either side, spread so that none covers another.
  private func drawMarkers(on svg: inout SVG) {
    // More would not fit; those left out are the ones nearest to the cursor.
    let all = Marker.all(ring, partition.partition, control).prefix(20)
    for isRight in [true, false] {
      let placed = all.filter { (sin(angle(of: $0)) >= 0) == isRight }
        .map { (marker: $0, y: centre.moved(angle(of: $0), outer + 34).y) }
        .sorted { $0.y < $1.y }
      let rows = Self.spread(placed.map(\.y), around: centre.y)
      for (place, y) in zip(placed, rows) {
        draw(place.marker, y: y, isRight: isRight, on: &svg)
      }
    }
  }

  private func angle(of marker: Marker) -> Double {
    angle(ofSlot: Double(marker.offset % ring.capacity))
  }

  private func draw(_ marker: Marker, y: Double, isRight: Bool, on svg: inout SVG) {
    let angle = angle(of: marker)
    let colour = marker.isCursor ? SVG.ink : "#3b4a5c"
    let column = centre.x + (isRight ? 214 : -214)
    let bend = centre.moved(angle, outer + 20)
    svg.lines(
      [centre.moved(angle, outer + 4), bend, Point(x: column, y: y)], stroke: colour,
      width: marker.isCursor ? 2 : 1.1)
    if marker.isCursor {
      svg.shape(
        [
          centre.moved(angle, outer + 1), centre.moved(angle - 0.055, outer + 15),
          centre.moved(angle + 0.055, outer + 15),
        ], fill: colour)
      svg.lines(
        [centre.moved(angle, inner - 4), centre.moved(angle, outer + 4)], stroke: colour, width: 2)
    } else {
      svg.dot(centre.moved(angle, outer + 4), 3, fill: colour)
    }
    svg.text(
      marker.label(most: 20), column + (isRight ? 6 : -6), y + 4, size: 12,
      weight: marker.isCursor ? 700 : 500, fill: colour, anchor: isRight ? .start : .end)
  }

  /// Moves heights apart to at least a line's, as little as possible and within the panel.
  static func spread(_ wanted: [Double], around middle: Double) -> [Double] {
    let line = 19.0
    let half = 205.0
    var rows = wanted.map { max(middle - half, min(middle + half, $0)) }
    for index in rows.indices.dropFirst() { rows[index] = max(rows[index], rows[index - 1] + line) }
    var limit = middle + half
    for index in rows.indices.reversed() {
      rows[index] = min(rows[index], limit)
      limit = rows[index] - line
    }
    return rows
  }

  /// Numbers, and the legend with the slots in each state.
  private func drawFacts(on svg: inout SVG) {
    let left = 842.0
    let right = 1092.0
    var y = centre.y - 165
    let facts: [(String, String)] = [
      ("slots", "\(Numbers.grouped(ring.capacity)) of \(ring.slotSize) bytes"),
      ("cursor", Numbers.grouped(ring.cursor)), ("oldest", Numbers.grouped(ring.oldest)),
      ("gate", ring.gate.map { Numbers.grouped($0) } ?? "unknown"),
      ("held by", ring.gate == nil ? "unknown" : ring.holder?.sentence ?? "nobody"),
      ("messages", Numbers.grouped(ring.claims.messages)),
      ("open claims", Numbers.grouped(ring.claims.open)),
      ("payload", Numbers.bytes(ring.claims.payloadBytes)),
    ]
    for (name, value) in facts {
      svg.text(name, left, y, fill: SVG.quiet)
      svg.text(value, right, y, weight: 600, anchor: .end)
      y += 21
    }
    y += 8
    svg.lines([Point(x: left, y: y - 12), Point(x: right, y: y - 12)], stroke: SVG.line)
    y += 12
    for (state, slots) in CellMap.counts(ring) {
      svg.box(left, y - 11, 14, 14, fill: state.fill, radius: 3)
      svg.text(state.meaning, left + 24, y)
      svg.text(Numbers.grouped(slots), right, y, weight: 600, anchor: .end)
      y += 21
    }
  }
}

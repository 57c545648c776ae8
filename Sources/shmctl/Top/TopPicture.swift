import ShmBus
import ToolSupport

/// What the screen shows, besides the bus itself.
struct TopView: Equatable {
  var order = TopOrder.row
  /// Lines that both tables are moved up by, each as far as it can.
  var scroll = 0
  var showsHelp = true
  /// Which of how many buses, counted from 1.
  var position = 1
  var count = 1
}

/// A frame as lines of text, for a screen of any size. Pure.
struct TopPicture {
  let width: Int
  let height: Int
  let view: TopView

  /// The lines, at most `height`, each at most `width` wide.
  func lines(of frame: TopFrame) -> [StyledLine] {
    let partitions = view.order.sorted(frame.partitions)
    let endpoints = view.order.sorted(frame.endpoints)
    let (upper, lower) = share(partitions.count, max(1, endpoints.count))
    let table = TopTable(width: width)
    var lines = table.heading(frame, view)
    lines.append(table.partitionHeading)
    let first = window(partitions.count, upper)
    lines += partitions[first].map(table.line)
    lines.append(hidden("partitions", first, of: partitions.count))
    lines.append(table.endpointHeading)
    if endpoints.isEmpty {
      lines.append(StyledLine("Nobody is attached.", .dim))
    } else {
      let second = window(endpoints.count, lower)
      lines += endpoints[second].map(table.line)
      let note = hidden("endpoints", second, of: endpoints.count)
      if note.width > 0 || view.showsHelp { lines.append(note) }
    }
    return finished(lines)
  }

  /// A sentence in the frame's place.
  func lines(of message: String, about name: String?) -> [StyledLine] {
    var title = StyledLine("shmctl top", .bold)
    if let name { title.append("  \(name)", .bold) }
    return finished([title, StyledLine(), StyledLine(message)])
  }

  /// Lines that are there whatever the bus: two of heading, a blank one, two table headings, two
  /// that tell what is hidden, and the keys.
  private static let fixedLines = 8

  /// Shares the lines between both tables: what one does not need the other gets, else by halves.
  private func share(_ partitions: Int, _ endpoints: Int) -> (Int, Int) {
    let room = max(2, height - Self.fixedLines)
    guard partitions + endpoints > room else { return (partitions, endpoints) }
    let upper = min(partitions, max(room / 2, room - endpoints))
    return (upper, room - upper)
  }

  private func window(_ count: Int, _ shown: Int) -> Range<Int> {
    let shown = min(count, shown)
    let first = min(view.scroll, count - shown)
    return first..<(first + shown)
  }

  /// How far scrolling changes anything.
  func scrollLimit(_ frame: TopFrame) -> Int {
    let (upper, lower) = share(frame.partitions.count, max(1, frame.endpoints.count))
    return max(0, frame.partitions.count - upper, frame.endpoints.count - lower)
  }

  private func hidden(_ what: String, _ shown: Range<Int>, of count: Int) -> StyledLine {
    guard shown.count < count else { return StyledLine() }
    return StyledLine(
      "  \(count - shown.count) of \(count) \(what) hidden: \(shown.lowerBound) above, "
        + "\(count - shown.upperBound) below", .dim)
  }

  /// Cut to the screen, with the keys on its last line.
  private func finished(_ lines: [StyledLine]) -> [StyledLine] {
    let room = max(0, view.showsHelp ? height - 1 : height)
    var result = Array(lines.prefix(room))
    if view.showsHelp, height > 0 {
      while result.count < room { result.append(StyledLine()) }
      result.append(keys)
    }
    return result.map { $0.clipped(to: width) }
  }

  private var keys: StyledLine {
    var line = StyledLine()
    let bus = view.count > 1 ? "bus \(view.position) of \(view.count)" : "bus"
    for (key, what) in [
      ("q", "quit"), ("s", "sort (\(view.order.rawValue))"), ("n/p", bus), ("up/down", "scroll"),
      ("h", "hide keys"),
    ] {
      line.append(key, .bold)
      line.append(" \(what)   ", .dim)
    }
    return line
  }
}

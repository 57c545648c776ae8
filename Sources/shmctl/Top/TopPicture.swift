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
    let groups = view.order.sorted(frame.groups)
    let endpoints = view.order.sorted(frame.endpoints)
    let shares = shares(of: frame)
    let table = TopTable(width: width)
    var lines = table.heading(frame, view)
    lines.append(table.partitionHeading)
    let first = window(partitions.count, shares[0])
    lines += partitions[first].map(table.line)
    lines.append(hidden("partitions", first, of: partitions.count))
    if !groups.isEmpty {
      lines.append(table.groupHeading)
      let second = window(groups.count, shares[1])
      lines += groups[second].map(table.line)
      lines.append(hidden("groups", second, of: groups.count))
    }
    lines.append(table.endpointHeading)
    if endpoints.isEmpty {
      lines.append(StyledLine("Nobody is attached.", .dim))
    } else {
      let third = window(endpoints.count, shares[2])
      lines += endpoints[third].map(table.line)
      let note = hidden("endpoints", third, of: endpoints.count)
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

  /// Lines for partitions, groups and endpoints: what one table does not need the others get, else
  /// all have as many, and the first the odd ones.
  private func shares(of frame: TopFrame) -> [Int] {
    let wanted = [frame.partitions.count, frame.groups.count, max(1, frame.endpoints.count)]
    // Groups have a heading and a line for what is hidden.
    let room = max(wanted.count, height - Self.fixedLines - (frame.groups.isEmpty ? 0 : 2))
    var shares = [0, 0, 0]
    var left = room
    // Ends: each round gives away a line, or nothing is left to give or to want.
    while left > 0 {
      let hungry = wanted.indices.filter { shares[$0] < wanted[$0] }
      if hungry.isEmpty { break }
      for table in hungry where left > 0 {
        shares[table] += 1
        left -= 1
      }
    }
    return shares
  }

  private func window(_ count: Int, _ shown: Int) -> Range<Int> {
    let shown = min(count, shown)
    let first = min(view.scroll, count - shown)
    return first..<(first + shown)
  }

  /// How far scrolling changes anything.
  func scrollLimit(_ frame: TopFrame) -> Int {
    let counts = [frame.partitions.count, frame.groups.count, frame.endpoints.count]
    return zip(counts, shares(of: frame)).map { max(0, $0 - $1) }.max() ?? 0
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

import ShmBus
import ToolSupport

/// Who writes where and who reads it, with the rings between them; drawn over itself on a terminal.
struct DemoPicture {
  private let publishers: [Int32]
  private let observer: Int32
  private var isDrawn = false

  init(publishers: [Int32], observer: Int32) {
    self.publishers = publishers
    self.observer = observer
  }

  private static let width = 16

  mutating func draw(
    _ status: BusStatus, _ group: GroupStatus, on terminal: Terminal
  ) throws(OutputError) {
    var lines = ["  publishers         ring: \(key(terminal))         slots written   readers"]
    for (index, partition) in status.partitions.enumerated() {
      lines.append(
        "  " + left(index) + "  \(index) " + ring(partition, terminal)
          + Numbers.grouped(partition.cursor).right(14) + "  "
          + right(group.partitions[index].owner))
    }
    lines.append("".left(54) + "· · · observer \(observer)")
    let up = isDrawn ? "\u{1B}[\(lines.count)A" : ""
    let clear = terminal.isTerminal ? "\u{1B}[K" : ""
    try Program.print(up + lines.map { $0 + clear + "\n" }.joined())
    isDrawn = true
  }

  private func key(_ terminal: Terminal) -> String {
    terminal.styled("█", .green) + " to be read"
  }

  /// How much of the ring is written and still kept for somebody.
  private func ring(_ partition: BusStatus.Partition, _ terminal: Terminal) -> String {
    let kept = partition.cursor - min(partition.cursor, partition.gate)
    let cells = (Int(kept) * Self.width + Int(partition.capacity) - 1) / Int(partition.capacity)
    let full = String(repeating: "█", count: min(Self.width, cells))
    let free = String(repeating: "░", count: Self.width - min(Self.width, cells))
    return "▕" + terminal.styled(full, .green) + free + "▏"
  }

  private func left(_ row: Int) -> String {
    switch row {
    case 0: "\(publishers[0])".left(8) + "──┐"
    case 3: "\(publishers[1])".left(8) + "──┘"
    default: "".left(8) + "  ├"
    }
  }

  private func right(_ owner: GroupStatus.Owner?) -> String {
    owner.map { "──── member \($0.pid)" } ?? "──── nobody now"
  }
}

import ShmBus
import Testing

@testable import shmctl

/// What `top` draws, without any terminal: the frame, the view and the size decide all of it.
struct TopPictureTests {
  private static func frame(
    partitions: Int = 2, groups: Int = 0, endpoints: Int = 3
  ) -> TopFrame {
    TopFrame(
      name: "orders", geometry: "2 x 1,024 slots x 64 B", blocks: true, bytes: 1 << 20,
      age: 200_000_000_000,
      partitions: (0..<partitions).map { number in
        TopFrame.Partition(
          number: number, cursor: 1_234_567_890, oldest: 0, capacity: 1024,
          kept: UInt64(number * 512), rate: Double(number) * 1e6,
          holder: number == 0
            ? nil : TopFrame.Holder(role: "subscriber", row: 128, process: "pid 77 reader"))
      },
      groups: (0..<groups).map { number in
        TopFrame.Group(
          name: "group-\(number)", assignor: "round-robin", members: number,
          unowned: number == 0 ? 2 : 0, lag: UInt64(1_000_000 * number),
          behind: number == 0 ? nil : .milliseconds(2_500), lead: 12_345, rate: 3e6)
      },
      endpoints: (0..<endpoints).map { number in
        TopFrame.Endpoint(
          row: number, role: number == 0 ? .publisher : .subscriber, pid: 4_000_000 + number,
          command: "process-\(number)", state: number == 2 ? .dead : .alive,
          age: UInt64(number) * 60_000_000_000, silence: 3_000_000_000,
          lag: number == 0 ? nil : UInt64(1_000 * number), rate: number == 0 ? nil : 2e6)
      })
  }

  private func lines(
    _ frame: TopFrame, width: Int = 80, height: Int = 24, view: TopView = TopView()
  ) -> [String] {
    TopPicture(width: width, height: height, view: view).lines(of: frame).map(\.text)
  }

  @Test func aSmallBusOnASmallScreen() {
    let lines = lines(Self.frame())
    #expect(lines.count == 24)
    #expect(lines[0] == "shmctl top  orders  2 x 1,024 slots x 64 B, block, up 3m")
    #expect(
      lines[1]
        == "1 M slots/s   1 publisher, 2 subscribers, 0 observers   1 MiB   1 dead")
    #expect(
      lines[3...5] == [
        "PART          CURSOR  SLOTS/S  FILL                  BEHIND  HELD BY",
        "   0   1,234,567,890        0  [..........]   0%          0  nobody",
        "   1   1,234,567,890      1 M  [#####.....]  50%        512  subscriber 128",
      ])
    #expect(
      lines[7...10] == [
        " ROW  ROLE            PID  STATE    AGE  SILENT         LAG  SLOTS/S  COMMAND",
        "   0  publisher   4000000  alive     0s      3s           -        -  process-0",
        "   1  subscriber  4000001  alive     1m      3s       1,000      2 M  process-1",
        "   2  subscriber  4000002  dead      2m      3s       2,000      2 M  process-2",
      ])
    #expect(lines[23].hasPrefix("q quit"))
  }

  @Test func groupsHaveATable() {
    var frame = Self.frame(groups: 2)
    frame.partitions[1].holder = TopFrame.Holder(role: "group", row: 1, group: "group-1")
    frame.endpoints[1].group = "group-1"
    let lines = lines(frame)
    #expect(lines.count == 24)
    #expect(lines[5].hasSuffix("512  group group-1"))
    #expect(
      lines[7...9] == [
        "GROUP               ASSIGNOR   MEMBERS          LAG     AGE        LEAD  SLOTS/S",
        "group-0             round-robin      0            0       -      12,345      3 M",
        "group-1             round-robin      1    1,000,000   2.5 s      12,345      3 M",
      ])
    #expect(lines[11].hasPrefix(" ROW  ROLE"))
    #expect(self.lines(frame, width: 90)[13].hasSuffix("  group-1: process-1"))
    #expect(TopOrder.lag.sorted(frame.groups).map(\.name) == ["group-1", "group-0"])
    #expect(frame.json["groups"]?.elements.count == 2)
  }

  @Test func threeTablesShareTheScreen() {
    let lines = lines(Self.frame(partitions: 40, groups: 3, endpoints: 40))
    #expect(lines.count == 24)
    #expect(lines.contains("  34 of 40 partitions hidden: 0 above, 34 below"))
    #expect(lines.contains { $0.hasPrefix("group-2") })
    #expect(lines.contains("  35 of 40 endpoints hidden: 0 above, 35 below"))
  }

  @Test(arguments: [1, 2, 5, 8, 9, 10, 24, 60], [1, 10, 40, 80, 110, 200])
  func nothingLeavesTheScreen(height: Int, width: Int) {
    for help in [true, false] {
      var view = TopView(showsHelp: help)
      for scroll in [0, 7, 1000] {
        view.scroll = scroll
        let lines = lines(
          Self.frame(partitions: 40, groups: height % 3 * 10, endpoints: 90), width: width,
          height: height, view: view)
        #expect(lines.count <= height)
        #expect(lines.allSatisfy { $0.count <= width })
      }
    }
  }

  @Test func whatIsHiddenIsCounted() {
    var view = TopView()
    let frame = Self.frame(partitions: 16, endpoints: 100)
    let first = lines(frame, view: view)
    #expect(first.count == 24)
    #expect(first.contains("  8 of 16 partitions hidden: 0 above, 8 below"))
    #expect(first.contains("  92 of 100 endpoints hidden: 0 above, 92 below"))
    view.scroll = 10
    let scrolled = lines(frame, view: view)
    #expect(scrolled.contains("  8 of 16 partitions hidden: 8 above, 0 below"))
    #expect(scrolled.contains("  92 of 100 endpoints hidden: 10 above, 82 below"))
    #expect(TopPicture(width: 80, height: 24, view: view).scrollLimit(frame) == 92)
  }

  @Test func whatOneTableDoesNotNeedTheOtherGets() {
    let many = lines(Self.frame(partitions: 2, endpoints: 100))
    #expect(many.contains("  86 of 100 endpoints hidden: 0 above, 86 below"))
    let tall = lines(Self.frame(partitions: 100, endpoints: 1))
    #expect(tall.contains("  85 of 100 partitions hidden: 0 above, 85 below"))
  }

  @Test func sortingPutsTheLargestFirstAndKeepsTheRest() {
    let frame = Self.frame(partitions: 3, endpoints: 3)
    #expect(TopOrder.row.sorted(frame.partitions).map(\.number) == [0, 1, 2])
    #expect(TopOrder.rate.sorted(frame.partitions).map(\.number) == [2, 1, 0])
    #expect(TopOrder.lag.sorted(frame.partitions).map(\.number) == [2, 1, 0])
    #expect(TopOrder.rate.sorted(frame.endpoints).map(\.row) == [1, 2, 0])
    #expect(TopOrder.lag.sorted(frame.endpoints).map(\.row) == [2, 1, 0])
    #expect(TopOrder.age.sorted(frame.endpoints).map(\.row) == [2, 1, 0])
    #expect(TopOrder.age.next == .row)
  }

  @Test func aWideScreenNamesTheHoldersProcess() {
    #expect(lines(Self.frame(), width: 120).contains { $0.hasSuffix("(pid 77 reader)") })
  }

  @Test func aHostileNameCannotMoveTheCursor() {
    var frame = Self.frame()
    frame.endpoints[0].command = "a\u{1B}[2J\u{7}\u{FF5E}"
    let lines = lines(frame)
    #expect(lines.contains { $0.hasSuffix("a?[2J??") })
  }

  @Test func cutLinesSaySo() {
    let line = StyledLine("0123456789")
    #expect(line.clipped(to: 10).text == "0123456789")
    #expect(line.clipped(to: 9).text == "01234567>")
    #expect(line.clipped(to: 1).text == ">")
    #expect(line.clipped(to: 0).text == "")
  }

  @Test func theFirstLookHasNoRates() {
    var frame = Self.frame(partitions: 1, endpoints: 2)
    frame.partitions[0].rate = nil
    frame.endpoints[1].rate = nil
    #expect(lines(frame)[1].hasPrefix("- slots/s"))
    #expect(frame.json["rate"] == .null)
  }

  @Test func keysAsTerminalsSendThem() {
    #expect(
      TopKey.all(in: Array("qsnph3".utf8)) == [
        .quit, .sort, .nextBus, .previousBus, .help, .bus(3),
      ])
    let escape = "\u{1B}"
    #expect(
      TopKey.all(in: Array("\(escape)[A\(escape)OB\(escape)[C\(escape)[D\(escape)[5~".utf8))
        == [.up, .down, .nextBus, .previousBus, .pageUp])
    // Unknown sequences mean nothing, not their last letter.
    #expect(TopKey.all(in: Array("\(escape)[1;5q\(escape)[\(escape)x0".utf8)) == [])
  }
}

import TestSupport
import Testing
import ToolSupport

/// `shmctl top` in a pipe.
struct TopCommandTests {
  let space = Space()

  @Test func aPipeGetsOnePlainFrame() {
    space.shmctl("create", "orders", "--partitions", "2", "--slots", "64", "--slot-size", "64")
    let run = space.shmctl("top", "--interval", "20ms")
    #expect(run.code == 0)
    #expect(!run.output.contains("\u{1B}"))
    #expect(run.lines.first == "shmctl top  orders  2 x 64 slots x 64 B, block, up 0s")
    #expect(run.output.hasSuffix("Nobody is attached.\n"))
    #expect(run.output.split(separator: "\n").allSatisfy { !$0.hasSuffix(" ") })
  }

  @Test func framesInJSONHaveRatesAndLag() throws {
    space.shmctl("create", "orders", "--slots", "1024", "--slot-size", "64")
    let reader = space.start("subscribe", "orders")
    #expect(eventually { space.has("subscriber", on: "orders") })
    reader.stop()
    let feed = space.start("top", "orders", "--json", "--interval", "100ms", "--count", "30")
    #expect(eventually { !feed.lines.isEmpty })
    space.shmctl("publish", "orders", input: Array(String(repeating: "x\n", count: 500).utf8))
    #expect(feed.code == 0)
    #expect(feed.lines.count == 30)
    let frames = try feed.lines.map { try JSON.reading($0) }
    func bus(_ frame: JSON) -> JSON? { frame["buses"]?.elements.first }
    let rates = frames.compactMap { frame -> Double? in bus(frame)?["rate"]?.double }
    #expect(rates.contains { $0 > 100 })
    let last = try #require(frames.last.flatMap(bus))
    let partition = try #require(last["partitions"]?.elements.first)
    #expect(partition["cursor"] == .integer(500 as UInt64))
    #expect(partition["kept"] == .integer(500 as UInt64))
    #expect(partition["holder"]?["role"] == .string("subscriber"))
    let endpoint = try #require(last["endpoints"]?.elements.first)
    #expect(endpoint["role"] == .string("subscriber"))
    #expect(endpoint["lag"] == .integer(500 as UInt64))
    #expect(endpoint["state"] == .string("stalled"))
    reader.goOn()
  }

  @Test func withoutABusItSaysSo() {
    #expect(space.shmctl("top", "--interval", "10ms").output.contains("no buses"))
    #expect(space.shmctl("top", "nosuch").code == 66)
    #expect(space.shmctl("top", "--interval", "1ms").code == 64)
    #expect(space.shmctl("top", "--count", "0").code == 64)
  }

  @Test func aBusThatGoesIsSaid() {
    space.shmctl("create", "orders", "--slots", "64")
    let run = space.start("top", "orders", "--interval", "100ms", "--count", "50")
    #expect(eventually { run.output.contains("orders") })
    #expect(space.shmctl("remove", "orders").code == 0)
    #expect(eventually { run.output.contains("there is no bus 'orders'") })
    space.shmctl("create", "orders", "--slots", "128")
    #expect(eventually { run.output.contains("1 x 128 slots") })
    run.signal(2)
    #expect(run.code == 130)
  }
}

extension JSON {
  /// The value that a line of output is.
  static func reading(_ text: String) throws -> JSON {
    let bytes = Array(text.utf8)
    var reader = unsafe JSONReader(bytes.span.bytes)
    return try reader.document()
  }

  var elements: [JSON] { if case .array(let values) = self { values } else { [] } }
  var double: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }
}

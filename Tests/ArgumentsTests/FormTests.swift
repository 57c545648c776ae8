import Testing

@testable import Arguments

@Suite struct FormTests {
  @Test func integers() {
    let form = Form<Int>.integer(1...8)
    #expect(form.read("1") == 1 && form.read("8") == 8)
    for text in ["0", "9", "", "x", "1.0", " 1", "99999999999999999999"] {
      #expect(form.read(text) == nil, "\(text)")
    }
    #expect(Form<Int>.integer(64...).read("63") == nil)
    #expect(Form<Int>.integer().read("-3") == -3)
  }

  @Test func rangesAreDescribed() {
    #expect(Form<Int>.integer().accepted == "an integer")
    #expect(Form<Int>.integer(0...).accepted == "an integer of 0 or more")
    #expect(Form<Int>.integer(Int.min...9).accepted == "an integer of 9 or less")
    #expect(Form<Int>.integer(1...8).accepted == "an integer from 1 to 8")
    #expect(
      Form<Int>.byteSize(64...).accepted
        == "a size in bytes of 64 or more, such as 4096, 64k or 1M")
    #expect(Form<Int>.byteSize().accepted == "a size in bytes, such as 4096, 64k or 1M")
    #expect(
      Form<Int>.byteSize(4096...1 << 20).accepted
        == "a size in bytes from 4k to 1M, such as 4096, 64k or 1M")
  }

  @Test(arguments: [
    ("0", 0), ("4096", 4096), ("64k", 65_536), ("64K", 65_536), ("1M", 1 << 20), ("2g", 2 << 30),
    ("1T", 1 << 40),
  ])
  func byteSizes(text: String, bytes: Int) {
    #expect(Form<Int>.byteSize().read(text) == bytes)
  }

  @Test(arguments: ["", "k", "-1", "1.5k", "1kk", "1 k", "9999999T", "99999999999999999999", "٣"])
  func notByteSizes(text: String) {
    #expect(Form<Int>.byteSize().read(text) == nil)
  }

  @Test func byteSizesKeepTheirRange() {
    let form = Form<Int>.byteSize(64...4096)
    #expect(form.read("4k") == 4096)
    #expect(form.read("5k") == nil)
    #expect(form.read("63") == nil)
    #expect(Form<Int>.byteSize(1024...).read("1023") == nil)
  }

  @Test func numbersAreShownAsTheyAreRead() {
    let bytes = Form<Int>.byteSize()
    #expect(
      [0, 1000, 1024, 1536, 1 << 20, 3 << 30].map(bytes.show) == [
        "0", "1000", "1k", "1536", "1M", "3G",
      ])
    let time = Form<Duration>.duration
    let durations: [Duration] = [
      .zero, .milliseconds(1500), .seconds(2), .seconds(60), .seconds(90),
    ]
    #expect(durations.map(time.show) == ["0ns", "1500ms", "2s", "1m", "90s"])
  }

  @Test(arguments: [
    ("500ms", Duration.milliseconds(500)), ("2s", .seconds(2)), ("1m", .seconds(60)),
    ("1h", .seconds(3600)), ("3us", .microseconds(3)), ("7ns", .nanoseconds(7)), ("0s", .zero),
  ])
  func durations(text: String, duration: Duration) {
    #expect(Form<Duration>.duration.read(text) == duration)
  }

  @Test func aBareNumberMeansSecondsWhereTheNameSaysSo() {
    #expect(Form<Duration>.seconds.read("2") == .seconds(2))
    #expect(Form<Duration>.seconds.read("500ms") == .milliseconds(500))
    #expect(Form<Duration>.seconds.read("soon") == nil)
  }

  @Test(arguments: ["", "5", "s", "-1s", "1.5s", "1d", "9999999999h"])
  func notDurations(text: String) {
    #expect(Form<Duration>.duration.read(text) == nil)
  }

  @Test func choices() {
    let form = Form<WhenFull>.choice()
    #expect(form.read("overwrite") == .overwrite)
    #expect(form.read("Overwrite") == nil)
    #expect(form.placeholder == "block|overwrite")
    #expect(form.accepted == "block or overwrite")
    #expect(form.completion == .words(["block", "overwrite"]))
  }

  @Test func lists() {
    let form = Form<[Int]>.list(of: .integer(0...))
    #expect(form.read("0,2,5") == [0, 2, 5])
    #expect(form.read("3") == [3])
    for text in ["", "1,", ",1", "1,,2", "1,x", "-1"] { #expect(form.read(text) == nil, "\(text)") }
    #expect(form.show([1, 2]) == "1,2")
    #expect(Form<[String]>.list(of: .string).read("a,,b") == nil)
  }

  @Test func texts() {
    #expect(Form<String>.string.read("") == "")
    #expect(Form<String>.file.read("") == nil && Form<String>.file.read("a b") == "a b")
    #expect(Form<String>.directory.read("") == nil && Form<String>.directory.read("/") == "/")
    #expect(Form<String>.file.completion == .files)
    #expect(Form<String>.directory.completion == .directories)
  }

  @Test func aToolAddsItsOwn() throws {
    let even = Form("EVEN", accepting: "an even number") { text in
      Int(text).flatMap { $0.isMultiple(of: 2) ? $0 : nil }
    }
    let option = Option("pairs", even, default: 2, help: "Pairs.")
    let tool = Tool(Command("t", summary: "", options: [option]) { _ in 0 }, version: "1")
    #expect(try Sample.parsed("--pairs", "4", by: tool)[option] == 4)
    #expect(
      Sample.refusal("--pairs", "3", by: tool)
        == "--pairs takes an even number, but found '3'")
    #expect(try Sample.help("-h", by: tool).contains("--pairs EVEN  Pairs (default 2)."))
    #expect(even.named("E").placeholder == "E")
    #expect(even.completed(by: .words(["2"])).completion == .words(["2"]))
  }
}

import Glibc
import Testing

/// `--key-file`, and the groups, as a user gives them.
@Suite struct AccessCommandTests {
  private let space = Space()

  @Test func everyCommandAsksForTheKey() {
    let secret = Array("a key of sixteen bytes or more".utf8)
    let key = space.write(secret, to: "key")
    let other = space.write(Array("some other key, just as long as".utf8), to: "other")
    #expect(space.shmctl("create", "orders", "--slots", "64", "--key-file", key).code == 0)
    #expect(publish([]).code == 77 && publish(["--key-file", key]).code == 0)
    let commands = [
      ["subscribe", "orders", "--from", "earliest", "--until-end"], ["stat", "orders"],
      ["top", "orders", "--interval", "20ms"], ["groups", "orders"], ["recover", "orders"],
      ["alter", "orders", "--partitions", "2"], ["numa", "orders"],
      ["trim", "orders", "--before", "offset:1"],
      ["stat", "orders", "--format", "openmetrics"],
    ]
    for command in commands {
      let without = run(command)
      #expect(without.code == 77 && without.errors.contains("--key-file"), "\(command)")
      let wrong = run(command + ["--key-file", other])
      #expect(wrong.code == 77 && wrong.errors.contains("not the one"), "\(command)")
      let with = run(command + ["--key-file", key])
      #expect(with.code == 0, "\(command): \(with.errors)")
      for text in [without, wrong, with].flatMap({ [$0.output, $0.errors] }) {
        #expect(!text.contains("sixteen"), "\(command)")
      }
    }
    // What is for all buses, or for what is broken, goes by file modes.
    for command in [["list"], ["doctor", "orders"], ["top", "--interval", "20ms"]] {
      #expect(run(command).code == 0, "\(command)")
    }
    #expect(run(["remove", "orders"]).code == 77 && space.segments.count == 3)
    #expect(run(["remove", "orders", "--key-file", key]).code == 0 && space.segments.isEmpty)
  }

  @Test func soDoesWhatABusInFilesNeeds() {
    let key = space.write([UInt8](repeating: 9, count: 32), to: "key")
    let options = ["--slots", "64", "--storage", space.directory, "--key-file", key]
    #expect(run(["create", "orders"] + options).code == 0)
    #expect(run(["sync", "orders"]).code == 77)
    #expect(run(["sync", "orders", "--key-file", key]).code == 0)
    #expect(run(["remove", "orders", "--key-file", key]).code == 0)
  }

  @Test func aLostKeyDoesNotKeepABus() {
    let key = space.write([UInt8](repeating: 9, count: 32), to: "key")
    #expect(space.shmctl("create", "orders", "--slots", "64", "--key-file", key).code == 0)
    #expect(run(["remove", "orders", "--force"]).code == 0 && space.segments.isEmpty)
  }

  @Test func aKeyThatOthersMayReadIsRefused() {
    let key = space.write([UInt8](repeating: 9, count: 32), to: "key")
    #expect(unsafe chmod(key, 0o640) == 0)
    let created = space.shmctl("create", "orders", "--slots", "64", "--key-file", key)
    #expect(created.code == 77 && created.errors.contains("chmod 600"), "\(created.errors)")
    #expect(space.segments.isEmpty)
    let short = space.write([1, 2, 3], to: "short")
    #expect(space.shmctl("create", "orders", "--key-file", short).code == 64)
  }

  @Test(arguments: [
    ["--group", "no-such-group-here"], ["--group", "0", "--publish-group", "0"],
    ["--publish-group", "7", "--subscribe-group", "7"],
  ])
  func groupsThatCannotBeAre64(options: [String]) {
    #expect(run(["create", "orders", "--slots", "64"] + options).code == 64)
    #expect(space.segments.isEmpty)
  }

  private func run(_ command: [String]) -> Run {
    Run(space, [Run.tool] + command, input: nil)
  }

  private func publish(_ options: [String]) -> Run {
    let line = space.write(Array("hello\n".utf8), to: "line")
    return Run(space, [Run.tool, "publish", "orders"] + options, input: line)
  }
}

import Testing

/// Frames from one namespace into another.
struct BridgeTests {
  let near = Space()
  let far = Space()

  private func createBoth(_ words: String...) {
    for space in [near, far] {
      #expect(Run(space, [Run.tool, "create", "bus"] + words, input: nil).code == 0)
    }
  }

  private func frames() -> [UInt8] {
    let run = near.shmctl(
      "subscribe", "bus", "--from", "earliest", "--until-end", "--format", "frames")
    #expect(run.code == 0)
    return run.bytes
  }

  private func contents(of space: Space, _ partition: Int) -> [UInt8] {
    space.shmctl(
      "subscribe", "bus", "--from", "earliest", "--until-end", "-k", "=", "-p", "\(partition)"
    ).bytes
  }

  @Test func everythingArrivesWhereItWas() {
    createBoth("--partitions", "4")
    let lines = (0..<2000).map { "key \($0 % 31)=value \($0)\n" }.joined() + "no key\n"
    #expect(near.shmctl("publish", "bus", "-k", "=", input: Array(lines.utf8)).code == 0)
    #expect(far.shmctl("publish", "bus", "--frames", input: frames()).code == 0)
    for partition in 0..<4 {
      #expect(contents(of: near, partition) == contents(of: far, partition))
    }
  }

  @Test func whatWasSeenIsDropped() {
    createBoth()
    near.shmctl("publish", "bus", input: Array("a\nb\nc\n".utf8))
    let once = frames()
    let run = far.shmctl("publish", "bus", "--frames", input: once + once)
    #expect(run.code == 0)
    #expect(run.errors == "shmctl: 3 frames had been seen before and were dropped\n")
    #expect(contents(of: far, 0) == Array("a\nb\nc\n".utf8))
  }

  @Test func aBusCreatedAnewIsAnotherOrigin() {
    createBoth()
    near.shmctl("publish", "bus", input: Array("a\n".utf8))
    let first = frames()
    near.shmctl("remove", "bus")
    near.shmctl("create", "bus")
    near.shmctl("publish", "bus", input: Array("b\n".utf8))
    #expect(far.shmctl("publish", "bus", "--frames", input: first + frames()).code == 0)
    #expect(contents(of: far, 0) == Array("a\nb\n".utf8))
  }

  @Test func keysFindTheirWayWherePartitionsDiffer() {
    #expect(near.shmctl("create", "bus", "--partitions", "3").code == 0)
    #expect(far.shmctl("create", "bus", "--partitions", "2").code == 0)
    let lines = (0..<300).map { "\($0 % 17)=\($0)\n" }.joined()
    near.shmctl("publish", "bus", "-k", "=", input: Array(lines.utf8))
    #expect(far.shmctl("publish", "bus", "--frames", input: frames()).code == 0)
    #expect(far.shmctl("create", "native", "--partitions", "2").code == 0)
    far.shmctl("publish", "native", "-k", "=", input: Array(lines.utf8))
    for partition in 0..<2 {
      let native = far.shmctl(
        "subscribe", "native", "--from", "earliest", "--until-end", "-k", "=", "-p", "\(partition)"
      ).lines
      let bridged = String(decoding: contents(of: far, partition), as: UTF8.self)
      #expect(bridged.split(separator: "\n").map(String.init).sorted() == native.sorted())
    }
  }

  @Test(arguments: [
    Array("this is no frame, but it is long enough to hold one".utf8), [83, 72, 77],
  ])
  func whatIsNoFrameIs65(input: [UInt8]) {
    createBoth()
    let run = far.shmctl("publish", "bus", "--frames", input: input)
    #expect(run.code == 65)
    #expect(run.errors.split(separator: "\n").count == 1)
  }
}

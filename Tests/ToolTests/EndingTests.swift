import Glibc
import TestSupport
import Testing

/// Signals, closed pipes, and what is left behind: nothing.
struct EndingTests {
  let space = Space()

  @Test(arguments: [SIGINT, SIGTERM])
  func aSubscriberThatWaitsEndsBySignal(number: Int32) {
    space.shmctl("create", "bus", "--slots", "64")
    let reader = space.start("subscribe", "bus")
    #expect(eventually { space.has("subscriber", on: "bus") })
    space.shmctl("publish", "bus", input: Array("kept\n".utf8))
    #expect(eventually { reader.output == "kept\n" })
    reader.signal(number)
    #expect(reader.code == 128 + number)
    #expect(reader.errors.isEmpty)
    #expect(!space.has("subscriber", on: "bus"))
    #expect(space.shmctl("remove", "bus").code == 0)
  }

  @Test func aPublisherThatWaitsForInputEndsBySignal() {
    space.shmctl("create", "bus", "--slots", "64")
    let fifo = space.path("fifo")
    unsafe _ = mkfifo(fifo, 0o600)
    let held = unsafe open(fifo, O_RDWR | O_CLOEXEC)
    defer { close(held) }
    let publisher = space.start("publish", "bus", input: fifo)
    #expect(eventually { space.has("publisher", on: "bus") })
    publisher.signal(SIGINT)
    #expect(publisher.code == 130)
    #expect(publisher.errors.isEmpty)
  }

  @Test func aPublisherThatWaitsForRoomEndsBySignal() {
    space.shmctl("create", "bus", "--slots", "64", "--slot-size", "64")
    let reader = space.start("subscribe", "bus")
    #expect(eventually { space.has("subscriber", on: "bus") })
    reader.stop()
    let file = space.write([UInt8](repeating: 10, count: 500), to: "file")
    let publisher = space.start("publish", "bus", "--file", file)
    #expect(eventually { space.has("publisher", on: "bus") })
    publisher.signal(SIGINT)
    #expect(publisher.code == 130)
    reader.goOn()
  }

  @Test func whatIsInAPipeIsPublishedBeforeItsEnd() {
    space.shmctl("create", "bus", "--slots", "64")
    let fifo = space.path("fifo")
    unsafe _ = mkfifo(fifo, 0o600)
    let held = unsafe open(fifo, O_RDWR | O_CLOEXEC)
    defer { close(held) }
    let publisher = space.start("publish", "bus", input: fifo)
    let line = Array("early\nunfinished".utf8)
    #expect(unsafe write(held, line, line.count) == line.count)
    #expect(
      eventually {
        space.shmctl("subscribe", "bus", "--from", "earliest", "--until-end").output == "early\n"
      })
    #expect(!publisher.hasEnded)
  }

  @Test func aClosedPipeEndsQuietly() {
    space.shmctl("create", "bus")
    let lines = (0..<50_000).map { "line \($0)\n" }.joined()
    space.shmctl("publish", "bus", input: Array(lines.utf8))
    let run = space.bash(
      "$shmctl subscribe bus --from earliest --until-end | head -n 1; echo ${PIPESTATUS[0]}")
    #expect(run.lines == ["line 0", "0"])
    #expect(run.errors.isEmpty)
    let help = space.bash("$shmctl man | true; echo ${PIPESTATUS[0]}")
    #expect(help.output == "0\n")
    #expect(help.errors.isEmpty)
  }

  @Test func aFullDiskIsSaid() {
    space.shmctl("create", "bus", "--slots", "64")
    let run = space.bash("$shmctl list > /dev/full")
    #expect(run.code == 74)
    #expect(run.errors == "shmctl: cannot write the output: No space left on device\n")
  }

  @Test func nothingIsColouredInAPipe() {
    space.shmctl("create", "bus", "--slots", "64")
    for command in ["list", "stat bus", "--help"] {
      #expect(!space.bash("$shmctl \(command)").output.contains("\u{1B}"))
    }
  }

  @Test func anInterruptedDemoLeavesNothing() {
    let demo = space.start("demo")
    #expect(eventually { demo.output.contains("no broker") && space.segments.count == 5 })
    demo.signal(SIGINT)
    #expect(demo.code == 130)
    #expect(space.segments.isEmpty)
    #expect(eventually { space.bash("pgrep -f __worker.*demo-\(demo.pid)").output.isEmpty })
  }
}

import Glibc
import TestSupport
import Testing

/// What goes in by `publish` comes out by `subscribe`, whatever it looks like.
struct PublishTests {
  let space = Space()

  private func create(_ words: String...) {
    let run = Run(space, [Run.tool, "create", "bus"] + words, input: nil)
    #expect(run.code == 0)
  }

  private func readAll(_ words: String...) -> [UInt8] {
    let run = Run(
      space, [Run.tool, "subscribe", "bus", "--from", "earliest", "--until-end"] + words, input: nil
    )
    #expect(run.code == 0)
    #expect(run.errors.isEmpty)
    return run.bytes
  }

  @Test func linesKeepWhatIsInThem() {
    create()
    let text = "first\n\n  spaces  \nümlaut\nno newline at the end"
    #expect(space.shmctl("publish", "bus", input: Array(text.utf8)).code == 0)
    #expect(readAll() == Array((text + "\n").utf8))
    #expect(readAll("--format", "raw") == Array(text.filter { $0 != "\n" }.utf8))
  }

  @Test func aFileIsReadAsStandardInputIs() {
    create()
    let file = space.write(Array("a\nb\n".utf8), to: "file")
    #expect(space.shmctl("publish", "bus", "--file", file).code == 0)
    #expect(space.shmctl("publish", "bus", "-f", "-", input: Array("c\n".utf8)).code == 0)
    #expect(readAll() == Array("a\nb\nc\n".utf8))
  }

  @Test func aFileThatIsNotThereIs66() {
    create()
    let run = space.shmctl("publish", "bus", "--file", "/nowhere/at/all")
    #expect(run.code == 66)
    #expect(run.errors.contains("cannot open '/nowhere/at/all'"))
  }

  @Test func aBinaryFileComesBackWhole() {
    create("--slots", "256", "--slot-size", "64")
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<3_000_001).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let reader = space.start("subscribe", "bus", "--format", "raw", "--until-closed")
    #expect(eventually { space.has("subscriber", on: "bus") })
    let file = space.write(bytes, to: "binary")
    #expect(space.shmctl("publish", "bus", "--file", file, "--block", "1000").code == 0)
    #expect(reader.code == 0)
    #expect(reader.bytes == bytes)
  }

  @Test func lengthPrefixesComeBack() {
    create()
    let input: [UInt8] = [3, 0, 0, 0, 10, 0, 13, 0, 0, 0, 0, 1, 0, 0, 0, 255]
    #expect(space.shmctl("publish", "bus", "--length-prefixed", input: input).code == 0)
    #expect(readAll("--format", "length-prefixed") == input)
  }

  @Test(arguments: [[1, 0], [2, 0, 0, 0, 65]] as [[UInt8]])
  func inputThatBreaksOffIs65(input: [UInt8]) {
    create()
    let run = space.shmctl("publish", "bus", "--length-prefixed", input: input)
    #expect(run.code == 65)
    #expect(run.errors.contains("breaks off within a record"))
  }

  @Test func zeroBytesEndRecordsToo() {
    create()
    let input = Array("two\nlines\0next\0".utf8)
    #expect(space.shmctl("publish", "bus", "--null", input: input).code == 0)
    #expect(readAll("--null") == input)
  }

  @Test func whatIsTooLargeIs65AndSaysWhere() {
    create("--slots", "64", "--slot-size", "64")
    let line = [UInt8](repeating: 65, count: 1025)
    let run = space.shmctl("publish", "bus", input: Array("fits\n".utf8) + line + [10])
    #expect(run.code == 65)
    #expect(run.errors.hasPrefix("shmctl: record 2: a message of 1025 bytes"))
    #expect(readAll() == Array("fits\n".utf8))
  }

  @Test func theLargestMessageFits() {
    create("--slots", "64", "--slot-size", "64")
    let line = [UInt8](repeating: 65, count: 1024) + [10]
    #expect(space.shmctl("publish", "bus", input: line + line + line).code == 0)
    #expect(readAll() == line + line + line)
  }

  @Test func aFullRingIs75AndNamesWhoHoldsIt() {
    create("--slots", "64", "--slot-size", "64")
    let reader = space.start("subscribe", "bus")
    #expect(eventually { space.has("subscriber", on: "bus") })
    reader.stop()
    let lines = [UInt8](repeating: 10, count: 200)
    let run = space.shmctl("publish", "bus", "--timeout", "300ms", input: lines)
    #expect(run.code == 75)
    #expect(run.errors.contains("(pid \(reader.pid)) holds it"))
    reader.goOn()
  }

  @Test func aPartitionThatIsNotThereIs64() {
    create("--partitions", "2")
    for command in ["publish", "subscribe"] {
      let run = space.shmctl(command, "bus", "--partition", "2")
      #expect(run.code == 64)
      #expect(run.errors.contains("has no partition 2"))
    }
  }

  @Test func aPartitionGetsWhatIsSentToIt() {
    create("--partitions", "3")
    #expect(space.shmctl("publish", "bus", "-p", "1", input: Array("one\n".utf8)).code == 0)
    #expect(readAll("--partition", "1") == Array("one\n".utf8))
    #expect(readAll("--partition", "0", "--partition", "2").isEmpty)
  }

  @Test func keylessLinesReachEveryPartition() {
    create("--partitions", "4")
    let lines = (0..<5000).map { "line \($0)\n" }.joined()
    #expect(space.shmctl("publish", "bus", input: Array(lines.utf8)).code == 0)
    var all: [String] = []
    for partition in 0..<4 {
      let part = String(decoding: readAll("--partition", "\(partition)"), as: UTF8.self)
      #expect(!part.isEmpty)
      all += part.split(separator: "\n").map(String.init)
    }
    #expect(all.sorted() == lines.split(separator: "\n").map(String.init).sorted())
  }

  @Test func keysAreCutOffAndShownAgain() {
    create()
    let input = Array("k1=v1\n=empty key\nno key\nk2=a=b\n".utf8)
    #expect(space.shmctl("publish", "bus", "--key-separator", "=", input: input).code == 0)
    #expect(readAll() == Array("v1\nempty key\nno key\na=b\n".utf8))
    #expect(readAll("--key-separator", "=") == input)
  }

  @Test func fourPublishersFillFourPartitionsByKey() {
    create("--partitions", "4", "--slots", "256", "--slot-size", "64")
    let readers = (0..<4).map { partition in
      space.start(
        "subscribe", "bus", "--partition", "\(partition)", "--until-closed", "--from", "earliest",
        "--key-separator", ",")
    }
    #expect(eventually { readers.allSatisfy { isAttached($0) } })
    // One holds the bus open until all have begun: otherwise it could be empty for a moment in between.
    let fifo = space.path("fifo")
    unsafe _ = mkfifo(fifo, 0o600)
    let held = unsafe open(fifo, O_RDWR | O_CLOEXEC)
    defer { close(held) }
    let holder = space.start("publish", "bus", input: fifo)
    #expect(eventually { space.has("publisher", on: "bus") })
    let inputs = (0..<4).map { publisher in
      (0..<20_000).map { "key \(publisher)-\($0 % 97),message \($0) of \(publisher)" }
    }
    let publishers = inputs.map { lines in
      let text = lines.joined(separator: "\n")
      let file = space.write(Array(text.utf8), to: "in-\(lines[0])")
      return space.start("publish", "bus", "--file", file, "--key-separator", ",")
    }
    #expect(publishers.allSatisfy { $0.code == 0 })
    holder.signal(2)
    #expect(holder.code == 130)
    #expect(readers.allSatisfy { $0.code == 0 })
    let received = readers.map(\.lines)
    // Each line once; each key in one partition; each publisher's lines in order within a partition.
    #expect(received.flatMap(\.self).sorted() == inputs.flatMap(\.self).sorted())
    var home: [Substring: Int] = [:]
    for (partition, lines) in received.enumerated() {
      for line in lines {
        let key = line.prefix { $0 != "," }
        #expect(home[key, default: partition] == partition)
        home[key] = partition
      }
    }
    for input in inputs {
      for (partition, lines) in received.enumerated() {
        let expected = input.filter { home[$0.prefix { $0 != "," }] == partition }
        let mark = " of \(input[0].last!)"
        #expect(lines.filter { $0.hasSuffix(mark) } == expected)
      }
    }
  }

  private func isAttached(_ run: Run) -> Bool {
    space.shmctl("stat", "bus", "--json").output.contains("\"pid\":\(run.pid),\"state\":\"alive\"")
  }
}

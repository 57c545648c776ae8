import Arguments
import CShmBus
import ShmBus
import Synchronization
import ToolSupport

/// The sleepers of `bench wakeup` and `fanout`: each sleeps as soon as there is nothing to do.
enum WakeWorkers {
  static let commands = [wake, futex]

  private static let silent = Flag("silent", help: "Read them, and say nothing.")

  private static let wake = Command(
    "wake", summary: "Say when messages come.", arguments: [Worker.bus],
    options: [Worker.processor, silent]
  ) { parsed in
    Worker.settle(parsed)
    let isSilent = parsed[silent]
    var subscriber = try Bus.open(parsed[Worker.bus], keepsHouse: false).subscriber(wait: .sleep)
    try Program.print("ready\n")
    // Ends: with a signal.
    while true {
      let isThere = try subscriber.next(timeout: .seconds(10)) != nil
      let time = shmbus_cycles()
      try Interrupted.check()
      if isThere, !isSilent { try Program.print("\(time)\n") }
    }
  }

  private static let page = Argument("PAGE", .string, help: "The shared memory with the word.")

  private static let futex = Command(
    "futex", summary: "Say when a word changes.", arguments: [page], options: [Worker.processor]
  ) { parsed in
    Worker.settle(parsed)
    let page = try SharedPages.open(parsed[page], byteCount: 4096)
    let word = unsafe page.word
    var seen: UInt32 = 0
    try Program.print("ready\n")
    // Ends: with a signal.
    while true {
      while unsafe word.pointee.load(ordering: .acquiring) == seen {
        _ = unsafe shmbus_futex_wait(word, seen, 1_000_000_000)
        try Interrupted.check()
      }
      let time = shmbus_cycles()
      seen &+= 1
      try Program.print("\(time)\n")
    }
  }
}

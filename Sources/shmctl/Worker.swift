import Arguments
import ShmBus
import ToolSupport

/// The processes that `bench` and `demo` start: this program again, under a word that no help shows.
enum Worker {
  static let marker = "__worker"

  static let tool = Tool(
    Command(
      "shmctl-worker", summary: "Processes that shmctl starts for itself.",
      commands: [
        PumpWorker.command, DrainWorker.command, EchoWorker.command, CountWorker.command,
        DemoPublisher.command, DemoReader.command,
      ] + WakeWorkers.commands + RecoveryWorkers.commands),
    version: Shmctl.version)

  /// Options that several of them have.
  static let bus = Argument("NAME", .string, help: "The bus.")
  static let processor = Option("processor", .integer(0...), help: "Where to run.")
  static let spin = Flag("spin", help: "Never sleep.")

  /// Settles on the processor.
  static func settle(_ parsed: Parsed) {
    if let number = parsed[processor] { Processors.pin(to: number) }
  }

  static func strategy(_ parsed: Parsed) -> WaitStrategy { parsed[spin] ? .spin : .balanced }

  /// Tells the parent that all is set up, and waits for its word; it may have gone.
  static func awaitStart() throws {
    try Program.print("ready\n")
    var input = try InputBuffer(path: nil, capacity: 64)
    try input.fill()
    if input.isAtEnd { throw Interrupted() }
  }
}

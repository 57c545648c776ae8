import Arguments
import Glibc
import ShmBus

/// The frame around every tool: its command line in, its exit code out, its errors as one sentence.
package enum Program {
  /// Runs the command that `words` ask for.
  package static func run(_ tool: Tool, named name: String, _ words: some Sequence<String>) -> Int32
  {
    Interrupt.install()
    TruncationGuard.install()
    do {
      switch try tool.parse(words) {
      case .help(let text), .version(let text):
        try print(text + "\n")
        return 0
      case .run(let command, let parsed):
        let code = try command.run(parsed)
        return Interrupt.isPending ? Interrupt.exitCode : code
      }
    } catch OutputError.closed {
      return 0
    } catch is Interrupted {
      return Interrupt.exitCode
    } catch OutputError.interrupted {
      return Interrupt.exitCode
    } catch {
      let failure = Failure(error)
      warn("\(name): \(failure.sentence)")
      return failure.code
    }
  }

  /// Writes a whole text to standard output.
  package static func print(_ text: String) throws(OutputError) {
    var output = OutputBuffer(capacity: 1 << 12)
    try output.append(text)
    try output.flush()
  }

  /// Writes a line to standard error. Who cannot be warned is not.
  package static func warn(_ line: String) {
    var output = OutputBuffer(descriptor: STDERR_FILENO, capacity: 1 << 12)
    try? output.append(line + "\n")
    try? output.flush()
  }
}

/// Thrown where a signal ends the work.
package struct Interrupted: Error {
  package init() {}

  /// Throws if a signal has come.
  package static func check() throws {
    if Interrupt.isPending { throw Interrupted() }
  }
}

import Glibc
import ShmBus
import TestSupport

/// A publisher that holds claims open until it is told to go on: to be stopped or killed meanwhile.
///
/// ```
///   claim-holder BUS loans COUNT BYTES GAP   opens loans, GAP messages of one slot between them
///   claim-holder BUS batch COUNT BYTES       opens a batch and fills it
///   claim-holder BUS copies COUNT BYTES      publishes copies without end, until a word comes
/// ```
///
/// What comes of each claim is said as `published OFFSET` or `fenced OFFSET`, then `done`. After that each
/// word publishes one more message.
@main
enum Main {
  static func main() {
    do { try run(CommandLine.arguments) } catch {
      say("error \(error)")
      exit(1)
    }
  }

  static func run(_ arguments: [String]) throws {
    guard arguments.count > 4, let count = Int(arguments[3]), let bytes = Int(arguments[4]) else {
      exit(64)
    }
    let publisher = try Bus.open(arguments[1]).publisher(timeout: .seconds(30))
    switch arguments[2] {
    case "loans":
      let gap = arguments.count > 5 ? Int(arguments[5]) ?? 0 : 0
      try Loans(bytes: bytes, gap: gap).open(publisher, left: count)
    case "batch": try batch(publisher, count, bytes)
    default: try copies(publisher, count, bytes)
    }
    say("done")
    while readLine() != nil {
      let bytes = Pattern.bytes(9, 0, count: 40)
      do { say("published \(try publisher.publish(bytes))") } catch { say("failed \(error)") }
    }
  }

  private static func batch(_ publisher: borrowing Publisher, _ count: Int, _ bytes: Int) throws {
    var batch = try publisher.batch(slots: count)
    for number in 0..<count - 1 { _ = batch.append(Pattern.bytes(9, number, count: bytes)) }
    say("open")
    _ = readLine()
    // Late stores to the claim's slots, beside those of the commit.
    _ = batch.append(Pattern.bytes(9, count - 1, count: bytes))
    do {
      let offset = try batch.publish()
      say("published \(offset)")
    } catch { say(refusal(error, 0)) }
  }

  /// Copies of `bytes` bytes, each a repeated number: long enough to be stopped inside.
  private static func copies(_ publisher: borrowing Publisher, _ count: Int, _ bytes: Int) throws {
    say("open")
    for number in 1...count {
      let payload = [UInt64](repeating: UInt64(number), count: bytes / 8)
      do {
        unsafe try publisher.publish(payload.span.bytes)
        say("published \(number)")
      } catch { say(refusal(error, UInt64(number))) }
    }
  }
}

/// Loans opened one inside the other, because they cannot be kept in an array.
struct Loans {
  let bytes: Int
  let gap: Int

  func open(_ publisher: borrowing Publisher, left: Int) throws {
    guard left > 0 else {
      say("open")
      _ = readLine()
      return
    }
    var loan = try publisher.loan(byteCount: bytes)
    say("loan \(loan.offset)")
    for number in 0..<gap { try publisher.publish(Pattern.bytes(8, number, count: 40)) }
    try open(publisher, left: left - 1)
    // Late stores to every byte of the claim.
    loan.fill([UInt8](repeating: 0xee, count: bytes))
    let offset = loan.offset
    do {
      try loan.publish()
      say("published \(offset)")
    } catch { say(refusal(error, offset)) }
  }
}

private func refusal(_ error: PublishError, _ what: UInt64) -> String {
  error == .fenced ? "fenced \(what)" : "failed \(error)"
}

// Every form of a value by itself, and the parser with a small tool that has something of
// everything.

@testable import Arguments

private enum Colour: String, CaseIterable, Sendable {
  case red
  case green
}

/// What a form has read, it reads again from what it shows.
private func roundTrip<Value: Equatable>(_ form: Form<Value>, _ text: String) {
  guard let value = form.read(text) else { return }
  let shown = form.show(value)
  require(form.read(shown) == value, "\(text) is read as \(value) and shown as \(shown)")
}

private func tryForms(_ text: String) {
  roundTrip(.integer(), text)
  roundTrip(.integer(-5...70), text)
  roundTrip(.byteSize(), text)
  roundTrip(.byteSize(1...1 << 30), text)
  roundTrip(.duration, text)
  roundTrip(.seconds, text)
  roundTrip(.choice(Colour.self), text)
  roundTrip(.list(of: .integer()), text)
  roundTrip(.list(of: .duration), text)
  roundTrip(.file, text)
  require(
    text.quoted.unicodeScalars.allSatisfy { $0.value >= 32 }, "quoted and still not printable")
}

private let slots = Option("slots", short: "s", .integer(1...), default: 8, help: "Slots.")
private let size = Option("size", .byteSize(64...), help: "Bytes.")
private let time = Option("time", short: "t", .duration, default: .seconds(1), help: "Time.")
private let colour = Option("colour", .choice(Colour.self), default: .red, help: "Colour.")
private let parts = Option("part", short: "p", repeated: .integer(0...), help: "Parts.")
private let list = Option("list", .list(of: .seconds), help: "Several.")
private let force = Flag("force", short: "f", help: "Whatever.")
private let name = Argument("NAME", .string, help: "A name.")
private let files = Argument("FILE", repeated: .file, atLeast: 0, help: "Files.")

private let tool = Tool(
  Command(
    "tool", summary: "A tool.",
    commands: [
      Command(
        "make", summary: "Makes.", arguments: [name, files],
        options: [slots, size, time, colour, parts, list, force],
        conflicts: [Conflict(size, force, because: "so it is")]
      ) { _ in 0 }
    ]),
  version: "1")

private func tryWords(_ words: [String]) {
  do throws(UsageError) {
    guard case .run(_, let parsed) = try tool.parse(words) else { return }
    require(parsed[slots] >= 1 && parsed[size].map { $0 >= 64 } ?? true, "out of bounds")
    require(parsed[parts].allSatisfy { $0 >= 0 } && parsed[time] >= .zero, "out of bounds")
    require(!(parsed.contains(size) && parsed[force]), "a conflict was let through")
    _ = (parsed[colour], parsed[list], parsed[name], parsed[files])
  } catch {
    let isSentence = error.description.unicodeScalars.allSatisfy {
      $0.properties.generalCategory != .control
    }
    require(isSentence && !error.description.isEmpty, "no sentence: \(error.description)")
  }
}

/// One execution.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzForms(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = unsafe FuzzInput(data, count)
  if input.byte() & 1 == 0 {
    tryForms(String(decoding: input.rest, as: UTF8.self))
  } else {
    tryWords(
      ["make"]
        + input.rest.split(separator: 10, omittingEmptySubsequences: false).prefix(16)
        .map { String(decoding: $0, as: UTF8.self) })
  }
  return 0
}

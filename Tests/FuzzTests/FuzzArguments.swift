// The command lines of the tools, through their own tables: words cut from the input at its line
// ends.

import ShmBus
import ToolSupport

@testable import Arguments
@testable import dump_shm
@testable import shmctl

private func tryTool(_ tool: Tool, _ words: [String]) {
  do throws(UsageError) {
    switch try tool.parse(words) {
    case .help(let text), .version(let text): require(!text.isEmpty, "help says nothing")
    case .run(let command, let parsed):
      for declaration in command.arguments + command.options {
        let given = parsed.texts[declaration.spelling] ?? []
        require(
          declaration.count.contains(given.count), "\(declaration.spelling) \(given.count) times")
        require(given.allSatisfy(declaration.accepts), "\(declaration.spelling) was not checked")
      }
      if command.name == "create" || command.name == "plan" { tryGeometry(parsed) }
    }
  } catch {
    let isSentence = error.description.unicodeScalars.allSatisfy {
      $0.properties.generalCategory != .control
    }
    require(isSentence && !error.description.isEmpty, "no sentence: \(error.description)")
  }
}

private func tryGeometry(_ parsed: Parsed) {
  do throws(BusError) {
    let configuration = try Geometry().configuration(parsed)
    require(configuration.totalBytes > 0 && configuration.largestMessage > 0, "a bus of no bytes")
    require(!configuration.json.text.isEmpty && !configuration.sentence.isEmpty, "nothing to say")
  } catch { require(!error.message.isEmpty, "an error that says nothing") }
}

/// One execution.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzArguments(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = unsafe FuzzInput(data, count)
  let kind = input.byte()
  let words = input.rest.split(separator: 10, omittingEmptySubsequences: false).prefix(16)
    .map { String(decoding: $0, as: UTF8.self) }
  switch kind & 3 {
  case 1: tryTool(DumpShm.tool, words)
  case 2: tryTool(Shmctl.tool, words)
  default: tryTool(kind & 4 == 0 ? Worker.tool : Shmctl.tool, words)
  }
  return 0
}

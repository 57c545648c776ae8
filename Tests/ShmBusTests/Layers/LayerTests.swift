import Foundation
import Testing

private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()

/// Everything in `Sources/ShmBus`.
private func librarySources() throws -> [SourceFile] {
  let library = root.appending(path: "Sources/ShmBus")
  let paths = try FileManager.default.subpathsOfDirectory(atPath: library.path)
  return try paths.filter { $0.hasSuffix(".swift") }.map { path in
    let parts = path.split(separator: "/").map(String.init)
    return SourceFile(
      folder: parts.count > 1 ? parts[0] : "", name: parts[parts.count - 1],
      text: try String(contentsOf: library.appending(path: path), encoding: .utf8))
  }
}

@Suite struct LayerTests {
  @Test func noLayerUsesOneAboveIt() throws {
    let uses = LayerChecker(try librarySources()).upwardUses()
    #expect(uses.isEmpty, "\(uses.map(\.description).joined(separator: "\n"))")
  }

  @Test func everyFileIsInALayer() throws {
    let sources = try librarySources()
    let strangers = sources.filter { Layer.rank(of: $0.folder) == nil }
    #expect(strangers.map { "\($0.folder)/\($0.name)" } == [])
    #expect(sources.count > 40, "the library was not found")
    let names = LayerChecker(sources).declaredNames
    for name in ["Ring", "Bus", "ControlWord", "Semaphore", "Sleepers", "Endpoint", "isOpen"] {
      #expect(names.contains(name))
    }
  }

  /// The canaries: what the checker must find, and what it must leave alone, each added to the real files.
  @Test(arguments: [
    ("Ring", "func f() { let bus: Bus? = nil }", ["Bus"]),
    ("System", "let x = Sleepers.bit(3)", ["Sleepers", "bit"]),
    ("Layout", "extension Ring {}", ["Ring"]),
    ("Wakeup", "let r = lockIsFree(3)", ["lockIsFree"]),
    ("Layout", "let x = \"no Bus here\" // nor a Subscriber here", []),
    ("Layout", "/// Like ``PublishError/exhausted`` of a Publisher.\nlet y = 1", []),
    ("Bus", "let t: ControlWord? = nil; let s: Sleepers? = nil", []),
    ("Registry", "let w: Waiter? = nil", []),
    ("Persistence", "let w: Waiter? = nil", []),
    ("Inspect", "let e = \"a \\\" quote\"; let b: Publisher? = nil", ["Publisher"]),
  ])
  func canary(folder: String, text: String, expected: [String]) throws {
    let planted = SourceFile(folder: folder, name: "Planted.swift", text: text)
    let uses = LayerChecker(try librarySources() + [planted]).upwardUses()
    #expect(uses.filter { $0.file.contains("Planted") }.map(\.name) == expected)
  }
}

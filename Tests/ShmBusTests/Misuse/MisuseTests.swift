import Foundation
import TestSupport
import Testing

/// What a programmer must not be able to do with the library, and right beside it what they may.
private struct Snippet: CustomTestStringConvertible {
  let testDescription: String
  let good: String
  let bad: String
  /// What the compiler says.
  let says: String

  init(_ description: String, good: String, bad: String, says: String) {
    testDescription = description
    self.good = good
    self.bad = bad
    self.says = says
  }
}

private let snippets = [
  Snippet(
    "a loan after it was published",
    good: "let loan = try p.loan(byteCount: 1); try loan.publish()",
    bad: "let loan = try p.loan(byteCount: 1); try loan.publish(); try loan.publish()",
    says: "consumed more than once"),
  Snippet(
    "a loan's bytes after it was published",
    good: "var loan = try p.loan(byteCount: 1); _ = loan.mutableBytes; try loan.publish()",
    bad: "var loan = try p.loan(byteCount: 1); try loan.publish(); _ = loan.mutableBytes",
    says: "used after consume"),
  Snippet(
    "a view of a loan across its publishing",
    good: """
      var loan = try p.loan(byteCount: 1)
      do { var v = loan.mutableBytes; use(&v) }
      try loan.publish()
      """,
    bad: """
      var loan = try p.loan(byteCount: 1)
      var v = loan.mutableBytes
      try loan.publish()
      use(&v)
      """,
    says: "overlapping accesses|lifetime-dependent|exclusiv"),
  Snippet(
    "a loan that outlives its publisher",
    good: "let q = try bus.publisher(); let loan = try q.loan(byteCount: 1); try loan.publish()",
    bad: """
      let q = try bus.publisher()
      let loan = try q.loan(byteCount: 1)
      end(q)
      try loan.publish()
      """,
    says: "lifetime-dependent|consume|borrow"),
  Snippet(
    "a batch after it was published",
    good: "let batch = try p.batch(slots: 1); try batch.publish()",
    bad: "let batch = try p.batch(slots: 1); try batch.publish(); print(batch.count)",
    says: "used after consume"),
  Snippet(
    "a message that escapes its subscriber",
    good: "if let m = try s.next(timeout: .zero) { owned = m.copy() }",
    bad: "if let m = try s.next(timeout: .zero) { escaped = m.bytes }",
    says: "lifetime-dependent|escap"),
  Snippet(
    "a second message while one is held",
    good: """
      if let m = try s.next(timeout: .zero) { print(m.offset) }
      if let n = try s.next(timeout: .zero) { print(n.offset) }
      """,
    bad: """
      let m = try s.next(timeout: .zero)
      let n = try s.next(timeout: .zero)
      if let m { print(m.offset) }
      if let n { print(n.offset) }
      """,
    says: "overlapping accesses"),
  Snippet(
    "bytes held across a commit",
    good: """
      if var m = try s.next(timeout: .zero) {
        print(m.bytes.byteCount)
        try m.commit()
      }
      """,
    bad: """
      if var m = try s.next(timeout: .zero) {
        let bytes = m.bytes
        try m.commit()
        print(bytes.byteCount)
      }
      """,
    says: "overlapping accesses|lifetime-dependent|borrow"),
  Snippet(
    "a publisher sent to another isolation",
    good: "Task.detached { [bus] in let q = try bus.publisher(); try q.publish([1]) }",
    bad: """
      let q = try bus.publisher()
      func needsSendable<T: Sendable & ~Copyable>(_ value: consuming T) {}
      needsSendable(q)
      """,
    says: "Sendable"),
  Snippet(
    "a subscriber sent to another isolation",
    good: "Task.detached { [bus] in _ = try bus.subscriber() }",
    bad: """
      let q = try bus.subscriber()
      func needsSendable<T: Sendable & ~Copyable>(_ value: consuming T) {}
      needsSendable(q)
      """,
    says: "Sendable"),
  Snippet(
    "a copy of a publisher",
    good: "let q = try bus.publisher(); try q.publish([1])",
    bad: "let q = try bus.publisher(); let r = q; try q.publish([1]); try r.publish([1])",
    says: "used after consume|cannot be consumed|consumed"),
]

@Suite struct MisuseTests {
  @Test(arguments: snippets)
  fileprivate func doesNotCompile(snippet: Snippet) throws {
    let output = try compile([snippet.bad])
    #expect(output.contains("error:"), "it compiles")
    #expect(output.firstMatch(of: try Regex(snippet.says)) != nil, "\(output)")
  }

  @Test func theGoodTwinsCompile() throws {
    let output = try compile(snippets.map(\.good))
    #expect(!output.contains("error:"), "\(output)")
  }

  /// Compiles bodies of functions against the library that was built with this test; what was said.
  private func compile(_ bodies: [String]) throws -> String {
    let functions = bodies.enumerated().map { number, body in
      """
      func body\(number)(_ bus: Bus, _ p: borrowing Publisher, _ s: inout Subscriber) throws {
        var owned: OwnedMessage? = nil
        var escaped = RawSpan()
        \(body)
        _ = (owned, escaped.byteCount)
      }
      """
    }
    let source = """
      import ShmBus
      func use(_ span: inout MutableRawSpan) {}
      func end(_ publisher: consuming Publisher) {}

      """
    let file = FileManager.default.temporaryDirectory.appending(
      path: "shmbus-misuse-\(UUID().uuidString).swift")
    try (source + functions.joined(separator: "\n")).write(
      to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let build = Actor.programs
    // Of the compiler's passes, those that follow lifetimes and isolation come after the types.
    let compiler = try Actor(command: [
      "sh", "-c", "exec \"$@\" 2>&1", "sh", "swiftc", "-emit-sil", "-o", "/dev/null",
      "-parse-as-library", "-swift-version", "6", "-I", "\(build)/Modules", "-Xcc",
      "-fmodule-map-file=\(build)/CShmBus.build/module.modulemap", file.path,
    ])
    return try compiler.rest().joined(separator: "\n")
  }
}

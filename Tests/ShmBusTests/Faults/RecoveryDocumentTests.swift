import Foundation
import Testing

/// `docs/RECOVERY.md` names a test for each failure: those tests exist.
@Suite struct RecoveryDocumentTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  @Test func everyTestThatIsNamedExists() throws {
    let document = try String(
      contentsOf: Self.root.appending(path: "docs/RECOVERY.md"), encoding: .utf8)
    let named = document.matches(of: /`([A-Z][A-Za-z]*Tests)\.([a-z][A-Za-z0-9]*)`/)
      .map { (suite: String($0.1), test: String($0.2)) }
    #expect(named.count > 30, "the table has its column of tests")
    let sources = try Self.suites()
    for (suite, test) in named {
      let text = sources[suite]
      #expect(text != nil, "there is no suite \(suite)")
      #expect(text?.contains("func \(test)(") == true, "there is no test \(suite).\(test)")
    }
  }

  /// Each row of the tables has a test in its last column.
  @Test func everyFailureHasATest() throws {
    let document = try String(
      contentsOf: Self.root.appending(path: "docs/RECOVERY.md"), encoding: .utf8)
    let rows = document.split(separator: "\n").filter { $0.hasPrefix("|") }
      .filter { !$0.hasPrefix("|---") && !$0.hasPrefix("| failure |") }
    #expect(rows.count > 30)
    for row in rows { #expect(row.contains("Tests."), "\(row)") }
  }

  /// The files of tests by the names of the suites in them.
  private static func suites() throws -> [String: String] {
    var found: [String: String] = [:]
    let files = FileManager.default.enumerator(
      at: root.appending(path: "Tests"), includingPropertiesForKeys: nil)
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: /struct ([A-Za-z]*Tests)\b/) {
        found[String(match.1), default: ""] += text
      }
    }
    return found
  }
}

import CShmBus
import Foundation
import Testing

// The bytes of shared memory are a contract between processes that were built at different times. Whoever
// changes one must raise SHMBUS_LAYOUT_VERSION and add a snapshot of the new layout.

private let folder = URL(filePath: #filePath).deletingLastPathComponent()
private let root = folder.deletingLastPathComponent().deletingLastPathComponent()

/// What `layout-N.txt` says of every struct.
private func snapshot(of pictures: [Picture]) -> String {
  pictures.map(\.text).joined(separator: "\n") + "\n"
}

/// The first line that differs, or nil.
private func difference(_ found: String, _ expected: String) -> String? {
  let found = found.split(separator: "\n", omittingEmptySubsequences: false)
  let expected = expected.split(separator: "\n", omittingEmptySubsequences: false)
  for (line, pair) in zip(found, expected).enumerated() where pair.0 != pair.1 {
    return "line \(line + 1): found '\(pair.0)', the snapshot says '\(pair.1)'"
  }
  return found.count == expected.count ? nil : "\(found.count) lines, not \(expected.count)"
}

@Suite struct SnapshotTests {
  @Test func everyByteIsWhereThisVersionPutIt() throws {
    let file = folder.appending(path: "Snapshots/layout-\(SHMBUS_LAYOUT_VERSION).txt")
    if ProcessInfo.processInfo.environment["SHMBUS_WRITE_SNAPSHOT"] != nil {
      try snapshot(of: pictures).write(to: file, atomically: true, encoding: .utf8)
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    let found = difference(snapshot(of: pictures), expected)
    #expect(
      found == nil,
      "a byte moved: raise SHMBUS_LAYOUT_VERSION, then write a snapshot with SHMBUS_WRITE_SNAPSHOT=1"
    )
  }

  /// The canary: a field that moved, one that is gone and a struct that grew are seen.
  @Test func aChangeIsSeen() {
    let expected = snapshot(of: pictures)
    var moved = pictures
    let cell = moved[1]
    moved[1] = Picture(
      name: cell.name, size: cell.size, fields: [(cell.fields[0].name, 8)] + cell.fields.dropFirst()
    )
    #expect(difference(snapshot(of: moved), expected) != nil)
    moved[1] = Picture(name: cell.name, size: cell.size, fields: Array(cell.fields.dropLast()))
    #expect(difference(snapshot(of: moved), expected) != nil)
    moved[1] = Picture(name: cell.name, size: cell.size + 8, fields: cell.fields)
    #expect(difference(snapshot(of: moved), expected) != nil)
  }

  /// The pictures name every struct and every field the header declares, in its order.
  @Test func noFieldIsForgotten() throws {
    let header = try String(
      contentsOf: root.appending(path: "Sources/CShmBus/include/shmbus_layout.h"), encoding: .utf8)
    var declared: [String: [String]] = [:]
    var current: String?
    for line in header.split(separator: "\n") {
      if let match = line.wholeMatch(of: /struct (shmbus_\w+) \{/) {
        current = String(match.1)
        declared[String(match.1)] = []
      } else if let name = current,
        let match = line.wholeMatch(of: /\s+uint(?:8|16|32|64)_t (\w+)(?:\[\d+\])?;/)
      {
        declared[name]?.append(String(match.1))
      } else if line == "};" {
        current = nil
      }
    }
    #expect(declared.count > 10)
    let pictured = Dictionary(
      uniqueKeysWithValues: pictures.map { ($0.name, $0.fields.map(\.name)) })
    #expect(pictured == declared)
    #expect(pictures.allSatisfy { $0.fields.allSatisfy { $0.offset != nil } })
  }

  /// Hand-padded means that the fields cover their struct, in order and without a hole.
  @Test(arguments: pictures.map(\.name))
  func fieldsAreInOrder(name: String) throws {
    let picture = try #require(pictures.first { $0.name == name })
    let offsets = picture.fields.compactMap(\.offset)
    #expect(offsets == offsets.sorted())
    #expect(offsets.first == 0)
    #expect(picture.size.isMultiple(of: 16))
    #expect((offsets.last ?? 0) < picture.size)
  }
}

import Arguments
import Foundation
import Testing

/// Runs shells on completion scripts, in a directory of its own.
struct ShellRunner: ~Copyable {
  let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory
      .appending(path: "arguments-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: directory.appending(path: "folder"), withIntermediateDirectories: true)
    try Data().write(to: directory.appending(path: "file.txt"))
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  static func isInstalled(_ shell: Shell) -> Bool {
    let isThere = path(of: shell) != nil
    if !isThere { print("skipped: \(shell.rawValue) is not installed") }
    return isThere
  }

  private static func path(of shell: Shell) -> String? {
    ["/bin", "/usr/bin", "/usr/local/bin"].map { "\($0)/\(shell.rawValue)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: directory.appending(path: name))
  }

  /// What a shell prints, errors included; a failure throws that.
  func run(_ shell: Shell, _ arguments: String...) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: try #require(Self.path(of: shell)))
    process.arguments = arguments
    process.currentDirectoryURL = directory
    process.environment = ["HOME": directory.path(), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    if process.terminationStatus != 0 { throw UsageError(output) }
    return output
  }
}

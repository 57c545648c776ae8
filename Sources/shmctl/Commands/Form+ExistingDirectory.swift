import Arguments
import Glibc

extension Form where Value == String {
  /// A directory that exists, as an absolute path.
  static var existingDirectory: Form {
    Form(
      "DIR", accepting: "a directory that exists", completion: .directories, show: { $0 },
      read: { text in
        guard let path = unsafe realpath(text, nil) else { return nil }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
      })
  }
}

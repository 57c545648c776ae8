/// The layers of the library, lowest first. A file may use names of its own rank and below.
enum Layer {
  static let ranks: [[String]] = [
    ["System"], ["Layout"], ["Ring", "Inspect"], ["Wakeup", "Persistence"], ["Registry", "Groups"],
    ["Bus"],
  ]

  static func rank(of folder: String) -> Int? { ranks.firstIndex { $0.contains(folder) } }
}

/// A source file, by its layer's folder.
struct SourceFile {
  let folder: String
  let name: String
  let text: String
}

/// A name of a higher layer in a file of a lower one.
struct UpwardUse: Equatable, CustomStringConvertible {
  let file: String
  let name: String
  let from: String
  var description: String { "\(file) uses '\(name)' of \(from)" }
}

/// Finds what a layer uses of the layers above it.
struct LayerChecker {
  /// Where each name is declared, by rank.
  private var declared: [String: Set<Int>] = [:]
  private var folders: [String: String] = [:]
  /// Enums' cases, which are written like calls, by rank.
  private var cases: [String: Set<Int>] = [:]
  private let files: [(file: SourceFile, words: [Word])]

  /// What the standard library or the C library calls so too.
  private static let common: Set<String> = [
    "append", "close", "load", "next", "prefix", "remove",
  ]

  init(_ sources: [SourceFile]) {
    files = sources.map { ($0, Word.all(in: $0.text)) }
    for (file, words) in files {
      guard let rank = Layer.rank(of: file.folder) else { continue }
      for name in Self.declarations(in: words) {
        declared[name, default: []].insert(rank)
        folders[name] = file.folder
      }
      for (keyword, name) in zip(words, words.dropFirst()) where keyword.text == "case" {
        cases[name.text, default: []].insert(rank)
      }
    }
  }

  var declaredNames: Set<String> { Set(declared.keys) }

  func upwardUses() -> [UpwardUse] {
    var found: [UpwardUse] = []
    for (file, words) in files {
      guard let rank = Layer.rank(of: file.folder) else { continue }
      let following = words.dropFirst().map(\.text) + [""]
      // A parameter or label of the file's own is no use of a function elsewhere.
      let own = Set(zip(words, following).filter { $1 == ":" }.map(\.0.text))
      for (word, next) in zip(words, following) {
        guard let ranks = declared[word.text], ranks.allSatisfy({ $0 > rank }) else { continue }
        let isType = word.text.first?.isUppercase == true
        let isCase = cases[word.text]?.contains { $0 <= rank } == true
        let isCall =
          next == "(" && !isCase && !own.contains(word.text) && !Self.common.contains(word.text)
        guard isType || isCall else { continue }
        found.append(
          UpwardUse(
            file: "\(file.folder)/\(file.name):\(word.line)", name: word.text,
            from: folders[word.text] ?? "?"))
      }
    }
    return found
  }

  /// Types at any depth, and functions.
  private static func declarations(in words: [Word]) -> [String] {
    let kinds: Set<String> = [
      "struct", "class", "enum", "protocol", "actor", "typealias", "func",
    ]
    return zip(words, words.dropFirst()).compactMap { keyword, name in
      // `class func`, and words that stand for operators.
      guard kinds.contains(keyword.text), !kinds.contains(name.text),
        name.text.first.map({ $0.isLetter || $0 == "_" }) == true
      else { return nil }
      return name.text
    }
  }
}

/// One word or sign of Swift source, comments and string literals left out.
struct Word: Equatable {
  let text: String
  let line: Int

  static func all(in source: String) -> [Word] {
    var words: [Word] = []
    for (number, line) in source.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      var current = ""
      var inString = false
      var previous: Character = " "
      func flush() {
        if !current.isEmpty { words.append(Word(text: current, line: number + 1)) }
        current = ""
      }
      for character in line {
        if inString {
          if character == "\"" && previous != "\\" { inString = false }
        } else if character == "/" && previous == "/" {
          words.removeLast()
          break
        } else if character.isLetter || character.isNumber || character == "_" {
          current.append(character)
        } else {
          flush()
          if character == "\"" {
            inString = true
          } else if !character.isWhitespace {
            words.append(Word(text: String(character), line: number + 1))
          }
        }
        previous = character
      }
      flush()
    }
    return words
  }
}

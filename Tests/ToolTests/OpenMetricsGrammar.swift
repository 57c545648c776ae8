/// A strict reader of the text format of OpenMetrics 1.0, as far as its ABNF and its rules on
/// families go.
struct OpenMetricsGrammar {
  struct Family: Equatable {
    var name: String
    var type: String?
    var unit: String?
    var help: String?
    var samples: [Sample] = []
  }

  struct Sample: Equatable {
    var name: String
    var labels: [String: String]
    var value: Double
  }

  struct Fault: Error, Equatable { let line: Int, what: String }

  private(set) var families: [Family] = []
  private var number = 0
  private var isOver = false

  init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw Fault(line: 0, what: "the last line is not ended") }
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      try read(line)
    }
    guard isOver else { throw fault("# EOF is missing") }
    for family in families { try check(family) }
  }

  func values(_ name: String, _ labels: [String: String] = [:]) -> [Double] {
    families.flatMap(\.samples).filter { sample in
      sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
    }.map(\.value)
  }

  private func fault(_ what: String) -> Fault { Fault(line: number, what: what) }

  private mutating func read(_ line: Substring) throws {
    if isOver { throw fault("something follows # EOF") }
    if line == "# EOF" {
      isOver = true
    } else if line.hasPrefix("#") {
      try metadata(line)
    } else {
      try sample(line)
    }
  }

  /// `# TYPE name type`, `# UNIT name unit`, `# HELP name text`, with single spaces.
  private mutating func metadata(_ line: Substring) throws {
    let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "#", Self.isName(parts[2]) else {
      throw fault("not metadata: \(line)")
    }
    if families.last?.name != String(parts[2]) {
      guard !families.contains(where: { $0.name == parts[2] }) else {
        throw fault("\(parts[2]) is in two places")
      }
      families.append(Family(name: String(parts[2])))
    }
    var family = families.removeLast()
    guard family.samples.isEmpty else { throw fault("metadata after samples") }
    let value = String(parts[3])
    switch parts[1] {
    case "TYPE" where family.type == nil && ["counter", "gauge", "info"].contains(value):
      family.type = value
    case "UNIT" where family.unit == nil && Self.isName(parts[3]): family.unit = value
    case "HELP" where family.help == nil: family.help = try unescaped(parts[3])
    default: throw fault("wrong or repeated: \(line)")
    }
    families.append(family)
  }

  private mutating func sample(_ line: Substring) throws {
    let name = line.prefix { $0 != "{" && $0 != " " }
    guard Self.isName(name), var family = families.popLast() else {
      throw fault("no name: \(line)")
    }
    var rest = line.dropFirst(name.count)
    let labels = try labels(&rest)
    guard rest.first == " ", let value = Self.number(rest.dropFirst()) else {
      throw fault("no value: \(line)")
    }
    let suffix = ["counter": "_total", "info": "_info", "gauge": ""][family.type ?? ""]
    guard let suffix, name == family.name + suffix else {
      throw fault("\(name) is not a sample of \(family.name)")
    }
    guard !family.samples.contains(where: { $0.labels == labels }) else {
      throw fault("the same labels twice: \(line)")
    }
    family.samples.append(Sample(name: String(name), labels: labels, value: value))
    families.append(family)
  }

  /// `{name="value",...}`
  private func labels(_ rest: inout Substring) throws -> [String: String] {
    guard rest.first == "{" else { return [:] }
    rest = rest.dropFirst()
    var labels: [String: String] = [:]
    while rest.first != "}" {
      if !labels.isEmpty {
        guard rest.first == "," else { throw fault("labels are not parted by a comma") }
        rest = rest.dropFirst()
      }
      let name = rest.prefix { $0 != "=" }
      rest = rest.dropFirst(name.count)
      guard Self.isName(name), !name.contains(":"), rest.hasPrefix("=\"") else {
        throw fault("not a label: \(name)")
      }
      rest = rest.dropFirst(2)
      var value = ""
      while let character = rest.popFirst(), character != "\"" {
        value.append(character)
        if character == "\\", let next = rest.popFirst() { value.append(next) }
      }
      guard labels.updateValue(try unescaped(value[...]), forKey: String(name)) == nil else {
        throw fault("label \(name) twice")
      }
      guard !rest.isEmpty else { throw fault("labels have no end") }
    }
    rest = rest.dropFirst()
    return labels
  }

  private func unescaped(_ text: Substring) throws -> String {
    var result = ""
    var rest = text
    while let character = rest.popFirst() {
      guard character == "\\" else {
        result.append(character)
        continue
      }
      switch rest.popFirst() {
      case "n": result.append("\n")
      case "\\": result.append("\\")
      case "\"": result.append("\"")
      default: throw fault("an escape that is none: \(text)")
      }
    }
    return result
  }

  private func check(_ family: Family) throws {
    guard family.type != nil, family.help != nil, !family.samples.isEmpty else {
      throw fault("\(family.name) is incomplete")
    }
    if let unit = family.unit {
      guard family.name.hasSuffix("_" + unit), family.type != "info" else {
        throw fault("\(family.name) does not end in its unit")
      }
    }
    for sample in family.samples {
      let fits =
        switch family.type {
        case "counter": sample.value >= 0 && !sample.name.hasSuffix("_total_total")
        case "info": sample.value == 1
        default: true
        }
      guard fits else { throw fault("\(sample.name) cannot be \(sample.value)") }
    }
  }

  private static func isName(_ text: Substring) -> Bool {
    guard let first = text.first, first.isASCII, first.isLetter || first == "_" || first == ":"
    else { return false }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
  }

  /// Digits, perhaps a fraction, and nothing else: no exposition of ours needs more.
  private static func number(_ text: Substring) -> Double? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2,
      parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { ("0"..."9").contains($0) } })
    else { return nil }
    return Double(text)
  }
}

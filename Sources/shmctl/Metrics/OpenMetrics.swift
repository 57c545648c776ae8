/// Measurements in the text format of OpenMetrics 1.0.
enum OpenMetrics {
  enum Kind: String {
    case counter
    case gauge
    case info
  }

  enum Value {
    case integer(UInt64)
    /// Nanoseconds, shown in seconds.
    case seconds(nanoseconds: UInt64)
  }

  /// One time series: labels by name, in the order of writing.
  struct Sample {
    let labels: KeyValuePairs<String, String>
    let value: Value
  }

  /// What is measured. Its name ends with its unit, if it has one.
  struct Family {
    let name: String
    let kind: Kind
    let unit: String?
    let help: String
    var samples: [Sample] = []

    init(_ name: String, _ kind: Kind, unit: String? = nil, _ help: String) {
      precondition(
        unit.map { name.hasSuffix("_" + $0) } ?? true, "\(name) does not end in its unit")
      self.name = name
      self.kind = kind
      self.unit = unit
      self.help = help
    }

    mutating func add(_ labels: KeyValuePairs<String, String>, _ value: Value) {
      samples.append(Sample(labels: labels, value: value))
    }
  }

  /// A whole exposition. Families without samples are left out.
  static func text(_ families: [Family]) -> String {
    families.filter { !$0.samples.isEmpty }.map(text).joined() + "# EOF\n"
  }

  private static func text(_ family: Family) -> String {
    var lines = ["# TYPE \(family.name) \(family.kind.rawValue)"]
    if let unit = family.unit { lines.append("# UNIT \(family.name) \(unit)") }
    lines.append("# HELP \(family.name) \(escaped(family.help))")
    let suffix =
      switch family.kind {
      case .counter: "_total"
      case .gauge: ""
      case .info: "_info"
      }
    lines += family.samples.map { sample in
      let labels = sample.labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",")
      return "\(family.name)\(suffix){\(labels)} \(text(sample.value))"
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private static func text(_ value: Value) -> String {
    switch value {
    case .integer(let value): return "\(value)"
    case .seconds(let nanoseconds):
      let fraction = "\(nanoseconds % 1_000_000_000)"
      return "\(nanoseconds / 1_000_000_000)."
        + String(repeating: "0", count: 9 - fraction.count) + fraction
    }
  }

  /// A process may call itself anything.
  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\"", with: "\\\"")
  }
}

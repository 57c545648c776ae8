/// Numbers as people read them.
package enum Numbers {
  /// "1,234,567".
  package static func grouped(_ value: some BinaryInteger) -> String {
    var text = ""
    for (place, digit) in String(value).reversed().enumerated() {
      if place > 0, place.isMultiple(of: 3), digit != "-" { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }

  /// With a fixed number of decimals: "0.83".
  package static func decimal(_ value: Double, places: Int) -> String {
    guard value.isFinite else { return "-" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e18 else { return "\(value)" }
    let digits = String(Int(scaled))
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return sign + padded }
    return "\(sign)\(padded.dropLast(places)).\(padded.suffix(places))"
  }

  /// In a binary unit: "64 KiB", "1.5 GiB", "200 B".
  package static func bytes(_ count: Int) -> String {
    scaled(Double(count), by: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB"])
  }

  /// In a decimal unit: "82.4 M".
  package static func short(_ value: Double) -> String {
    scaled(value, by: 1000, units: ["", "k", "M", "G"])
  }

  private static func scaled(_ value: Double, by factor: Double, units: [String]) -> String {
    var rest = value
    var unit = 0
    while rest >= factor, unit < units.count - 1 {
      rest /= factor
      unit += 1
    }
    let places = rest == rest.rounded() ? 0 : rest < 10 ? 2 : 1
    let text = decimal(rest, places: places)
    return units[unit].isEmpty ? text : "\(text) \(units[unit])"
  }
}

extension String {
  /// Without anything that a terminal would act upon.
  package var printable: String {
    String(unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) })
  }

  /// Filled with spaces on the left up to a width.
  package func right(_ width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }

  /// Filled with spaces on the right up to a width.
  package func left(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}

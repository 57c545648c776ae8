import Glibc
import ToolSupport

/// A picture in the making: elements, one after the other.
struct SVG {
  private(set) var body = ""

  static let ink = "#1b2430"
  static let quiet = "#66717f"
  static let line = "#dfe3e8"
  static let alarm = "#b42318"

  /// Where a text stands to its point.
  enum Anchor: String {
    case start
    case middle
    case end
  }

  mutating func text(
    _ text: String, _ x: Double, _ y: Double, size: Double = 13, weight: Int = 400,
    fill: String = SVG.ink, anchor: Anchor = .start
  ) {
    body +=
      "<text x=\"\(n(x))\" y=\"\(n(y))\" font-size=\"\(n(size))\" font-weight=\"\(weight)\" "
      + "fill=\"\(fill)\" text-anchor=\"\(anchor.rawValue)\">\(Self.escaped(text))</text>\n"
  }

  mutating func box(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, fill: String,
    radius: Double = 0, stroke: String = "none"
  ) {
    body +=
      "<rect x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\" "
      + "rx=\"\(n(radius))\" fill=\"\(fill)\" stroke=\"\(stroke)\"/>\n"
  }

  mutating func dot(_ at: Point, _ radius: Double, fill: String) {
    body += "<circle cx=\"\(n(at.x))\" cy=\"\(n(at.y))\" r=\"\(n(radius))\" fill=\"\(fill)\"/>\n"
  }

  mutating func lines(_ points: [Point], stroke: String, width: Double = 1.25) {
    let list = points.map { "\(n($0.x)),\(n($0.y))" }.joined(separator: " ")
    body +=
      "<polyline points=\"\(list)\" fill=\"none\" stroke=\"\(stroke)\" "
      + "stroke-width=\"\(n(width))\" stroke-linejoin=\"round\"/>\n"
  }

  mutating func shape(_ points: [Point], fill: String) {
    let list = points.map { "\(n($0.x)),\(n($0.y))" }.joined(separator: " ")
    body += "<polygon points=\"\(list)\" fill=\"\(fill)\"/>\n"
  }

  /// A piece of a ring between two angles, clockwise from the top.
  mutating func arc(
    around centre: Point, from inner: Double, to outer: Double, _ start: Double, _ end: Double,
    fill: String
  ) {
    // A whole ring has no beginning and end to draw between.
    if end - start > 6.28 {
      arc(around: centre, from: inner, to: outer, start, start + .pi, fill: fill)
      arc(around: centre, from: inner, to: outer, start + .pi, start + 2 * .pi, fill: fill)
      return
    }
    let large = end - start > .pi ? 1 : 0
    func corner(_ angle: Double, _ radius: Double) -> String {
      let point = centre.moved(angle, radius)
      return "\(n(point.x)) \(n(point.y))"
    }
    body +=
      "<path d=\"M\(corner(start, outer)) A\(n(outer)) \(n(outer)) 0 \(large) 1 "
      + "\(corner(end, outer)) L\(corner(end, inner)) A\(n(inner)) \(n(inner)) 0 \(large) 0 "
      + "\(corner(start, inner)) Z\" fill=\"\(fill)\"/>\n"
  }

  /// The finished file.
  func document(width: Double, height: Double) -> String {
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(n(width))\" height=\"\(n(height))\" "
      + "viewBox=\"0 0 \(n(width)) \(n(height))\" "
      + "font-family=\"Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif\">\n"
      + "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\(body)</svg>\n"
  }

  private func n(_ value: Double) -> String { Numbers.decimal(value, places: 2) }

  private static func escaped(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      // No XML has these, however they are written.
      case _ where scalar.value < 0x20 || (0xFFFE...0xFFFF).contains(scalar.value): "?"
      default: String(scalar)
      }
    }.joined()
  }
}

/// A place in a picture.
struct Point {
  var x: Double
  var y: Double

  /// In a direction clockwise from the top.
  func moved(_ angle: Double, _ distance: Double) -> Point {
    Point(x: x + sin(angle) * distance, y: y - cos(angle) * distance)
  }
}

import Glibc

/// A picture in the making: elements, one after the other.
package struct SVG {
  private var body = ""

  package static let ink = "#1b2430"
  package static let quiet = "#66717f"
  package static let line = "#dfe3e8"
  package static let alarm = "#b42318"
  private static let paper = "#ffffff"

  /// What stands for a colour where the reader's page is dark.
  private static let dark = [
    (ink, "#e8ebef"), (quiet, "#a3adb8"), (line, "#3b434d"), (paper, "#14181d"),
  ]

  package init() {}

  /// Where a text stands to its point.
  package enum Anchor: String {
    case start
    case middle
    case end
  }

  package mutating func text(
    _ text: String, _ x: Double, _ y: Double, size: Double = 13, weight: Int = 400,
    fill: String = ink, anchor: Anchor = .start
  ) {
    body +=
      "<text x=\"\(n(x))\" y=\"\(n(y))\" font-size=\"\(n(size))\" font-weight=\"\(weight)\" "
      + "fill=\"\(fill)\" text-anchor=\"\(anchor.rawValue)\">\(Self.escaped(text))</text>\n"
  }

  package mutating func box(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, fill: String,
    radius: Double = 0, stroke: String = "none"
  ) {
    body +=
      "<rect x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\" "
      + "rx=\"\(n(radius))\" fill=\"\(fill)\" stroke=\"\(stroke)\"/>\n"
  }

  package mutating func dot(_ at: Point, _ radius: Double, fill: String) {
    body += "<circle cx=\"\(n(at.x))\" cy=\"\(n(at.y))\" r=\"\(n(radius))\" fill=\"\(fill)\"/>\n"
  }

  package mutating func lines(_ points: [Point], stroke: String, width: Double = 1.25) {
    let list = points.map { "\(n($0.x)),\(n($0.y))" }.joined(separator: " ")
    body +=
      "<polyline points=\"\(list)\" fill=\"none\" stroke=\"\(stroke)\" "
      + "stroke-width=\"\(n(width))\" stroke-linejoin=\"round\"/>\n"
  }

  package mutating func shape(_ points: [Point], fill: String) {
    let list = points.map { "\(n($0.x)),\(n($0.y))" }.joined(separator: " ")
    body += "<polygon points=\"\(list)\" fill=\"\(fill)\"/>\n"
  }

  /// A piece of a ring between two angles, clockwise from the top.
  package mutating func arc(
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

  /// The finished file. An adaptive one turns dark with the page it stands on; where no style sheet is
  /// read, it is light.
  package func document(width: Double, height: Double, isAdaptive: Bool = false) -> String {
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(n(width))\" height=\"\(n(height))\" "
      + "viewBox=\"0 0 \(n(width)) \(n(height))\" "
      + "font-family=\"Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif\">\n"
      + (isAdaptive ? Self.style : "")
      + "<rect width=\"100%\" height=\"100%\" fill=\"\(Self.paper)\"/>\n\(body)</svg>\n"
  }

  private static var style: String {
    let rules = dark.map { light, dark in
      "[fill=\"\(light)\"]{fill:\(dark)}[stroke=\"\(light)\"]{stroke:\(dark)}"
    }
    return "<style>@media (prefers-color-scheme:dark){\(rules.joined())}</style>\n"
  }

  /// Writes a finished file.
  package static func write(_ document: String, to path: String) throws {
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
    let file = unsafe open(path, flags, 0o644)
    guard file >= 0 else {
      throw Failure(
        .cannotCreate,
        "cannot write '\(path)': \(unsafe String(cString: strerror(errno))); "
          + "name a file in a directory of yours")
    }
    defer { close(file) }
    var output = OutputBuffer(descriptor: file)
    do throws(OutputError) {
      try output.append(document)
      try output.flush()
    } catch {
      guard case .failed(let number) = error else { throw error }
      throw Failure.system("cannot write '\(path)'", number)
    }
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
package struct Point {
  package var x: Double
  package var y: Double

  package init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }

  /// In a direction clockwise from the top.
  package func moved(_ angle: Double, _ distance: Double) -> Point {
    Point(x: x + sin(angle) * distance, y: y - cos(angle) * distance)
  }
}

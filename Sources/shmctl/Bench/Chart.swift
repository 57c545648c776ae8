import Glibc
import ToolSupport

/// The figures of a bench as a picture.
struct Chart {
  let title: String
  let unit: String
  let content: Content

  enum Content {
    case bars([Bar])
    case curves([Curve])
  }

  /// A figure, and whether it is the machine's own limit.
  struct Bar {
    let name: String
    let value: Double
    let isLimit: Bool
  }

  /// How long which share took.
  struct Curve {
    let name: String
    let times: Percentiles
    let isLimit: Bool
  }

  private static let width = 720.0
  private static let own = "#d9730d"
  private static let limit = "#5b8bc7"

  var document: String {
    var svg = SVG()
    svg.text(title, 24, 34, size: 17, weight: 700)
    svg.text(unit, 24, 54, size: 12, fill: SVG.quiet)
    let height =
      switch content {
      case .bars(let bars): Self.draw(bars, on: &svg)
      case .curves(let curves): Self.draw(curves, on: &svg)
      }
    return svg.document(width: Self.width, height: height, isAdaptive: true)
  }

  private static func colour(_ isLimit: Bool) -> String { isLimit ? limit : own }

  /// From zero, so that lengths compare as the figures do; returns the picture's height.
  private static func draw(_ bars: [Bar], on svg: inout SVG) -> Double {
    let largest = max(bars.map(\.value).max() ?? 0, .leastNormalMagnitude)
    var y = 72.0
    for bar in bars {
      let length = 380 * max(0, bar.value) / largest
      svg.text(bar.name, 228, y + 16, anchor: .end)
      svg.box(240, y, max(1, length), 22, fill: colour(bar.isLimit), radius: 2)
      svg.text(Numbers.short(bar.value), 248 + length, y + 16, fill: SVG.quiet)
      y += 30
    }
    return y + 14
  }
}

/// Curves over the share of messages: each step to the right is ten times as rare.
extension Chart {
  private static let left = 78.0
  private static let right = 690.0
  private static let top = 78.0
  private static let bottom = 350.0

  /// 99.999%.
  private static let rarest = 5.0

  private static func draw(_ curves: [Curve], on svg: inout SVG) -> Double {
    let times = curves.flatMap { [$0.times[0], $0.times[1 - pow(10, -rarest)]] }.filter { $0 > 0 }
    let low = log10(times.min() ?? 1).rounded(.down)
    let high = max(low + 1, log10(times.max() ?? 10).rounded(.up))
    func place(_ nanoseconds: Double, _ share: Double) -> Point {
      let rarity = min(rarest, -log10(max(1e-9, 1 - share)))
      let up = (log10(max(1, nanoseconds)) - low) / (high - low)
      return Point(
        x: left + (right - left) * rarity / rarest, y: bottom - (bottom - top) * max(0, up))
    }
    for decade in Int(low)...Int(high) {
      let value = pow(10, Double(decade))
      let y = place(value, 0).y
      svg.lines([Point(x: left, y: y), Point(x: right, y: y)], stroke: SVG.line)
      svg.text(
        Numbers.short(value), left - 8, y + 4, size: 11, fill: SVG.quiet, anchor: .end)
    }
    let marks = [(0, "0"), (0.9, "90%"), (0.99, "99%"), (0.999, "99.9%"), (0.9999, "99.99%")]
    for (share, name) in marks {
      let x = place(1, share).x
      svg.lines([Point(x: x, y: top), Point(x: x, y: bottom)], stroke: SVG.line)
      svg.text(name, x, bottom + 18, size: 11, fill: SVG.quiet, anchor: .middle)
    }
    for (index, curve) in curves.enumerated() {
      let drawn = curve.times.curve.filter { 1 - $0.share >= pow(10, -rarest) }
      let points = drawn.map { place($0.nanoseconds, $0.share) }
      svg.lines([place(curve.times[0], 0)] + points, stroke: colour(curve.isLimit), width: 2)
      let x = left + 190 * Double(index)
      svg.box(x, bottom + 34, 14, 4, fill: colour(curve.isLimit))
      svg.text(curve.name, x + 20, bottom + 40, size: 12)
    }
    return bottom + 60
  }
}

extension Form where Value == Int {
  /// A decimal integer within a range.
  public static func integer(_ range: ClosedRange<Int> = Int.min...Int.max) -> Form {
    Form("N", accepting: "an integer" + range.described()) { text in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// A decimal integer with a lower bound.
  public static func integer(_ range: PartialRangeFrom<Int>) -> Form {
    integer(range.lowerBound...Int.max)
  }

  /// A number of bytes within a range: plain, or with a binary unit as in `64k`, `1M`, `2G`, `1T`.
  public static func byteSize(_ range: ClosedRange<Int> = 0...Int.max) -> Form {
    let bounds = range.described(lowest: 0, show: Scale.bytes.show)
    return Form(
      "BYTES", accepting: "a size in bytes\(bounds), such as 4096, 64k or 1M",
      show: Scale.bytes.show,
      read: { Scale.bytes.read($0).flatMap { range.contains($0) ? $0 : nil } })
  }

  /// A number of bytes with a lower bound.
  public static func byteSize(_ range: PartialRangeFrom<Int>) -> Form {
    byteSize(range.lowerBound...Int.max)
  }
}

extension Form where Value == Duration {
  /// A whole number and its unit, as in `500ms`, `2s` or `1m` (also `ns`, `us` and `h`).
  public static var duration: Form {
    Form(
      "TIME", accepting: "a duration such as 500ms, 2s or 1m",
      show: { duration in
        let (seconds, attoseconds) = duration.components
        return Scale.time.show(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
      },
      read: { Scale.time.read($0).map { Duration.nanoseconds($0) } })
  }

  /// A duration for an option that is called after seconds: a number without a unit means them.
  public static var seconds: Form {
    let duration = Form.duration
    return Form(
      "TIME", accepting: "seconds, or a duration such as 500ms or 1m", show: duration.show,
      read: { text in duration.read(text) ?? duration.read(text + "s") })
  }
}

/// Units that a whole number may carry, smallest first; in upper or lower case where no two clash.
private struct Scale: Sendable {
  let units: [(name: String, factor: Int)]

  static let bytes = Scale(units: [
    ("", 1), ("k", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40),
  ])
  static let time = Scale(units: [
    ("ns", 1), ("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000),
    ("m", 60_000_000_000), ("h", 3_600_000_000_000),
  ])

  func read(_ text: String) -> Int? {
    let digits = text.prefix { ("0"..."9").contains($0) }
    let unit = text.dropFirst(digits.count).lowercased()
    guard let number = Int(digits), let match = units.first(where: { $0.name.lowercased() == unit })
    else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: match.factor)
    return overflow ? nil : product
  }

  /// The shortest exact spelling.
  func show(_ number: Int) -> String {
    let exact = units.last { number != 0 && number.isMultiple(of: $0.factor) } ?? units[0]
    return "\(number / exact.factor)\(exact.name)"
  }
}

extension ClosedRange<Int> {
  /// " from 1 to 8", " of 64 or more", " of 8 or less" or nothing, where a bound says nothing.
  fileprivate func described(
    lowest: Int = .min, show: (Int) -> String = { "\($0)" }
  ) -> String {
    switch (lowerBound > lowest, upperBound < Int.max) {
    case (false, false): ""
    case (true, false): " of \(show(lowerBound)) or more"
    case (false, true): " of \(show(upperBound)) or less"
    case (true, true): " from \(show(lowerBound)) to \(show(upperBound))"
    }
  }
}

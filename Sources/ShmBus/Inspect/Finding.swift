/// Something in a segment that is not what it should be.
package struct Finding: Sendable, Equatable, CustomStringConvertible {
  package enum Severity: String, Sendable {
    /// It breaks a rule that every healthy bus keeps at every moment.
    case damage
    /// It is allowed, but worth knowing: a bus half created, a time that cannot be.
    case notice
  }

  package let severity: Severity
  package let segment: String
  /// Where in the segment.
  package let byte: Int
  /// What it is that lies there: "header.slots", "offset 81".
  package let place: String
  package let found: String
  package let expected: String

  package var description: String {
    "\(segment) byte \(byte), \(place): found \(found), expected \(expected)"
  }
}

/// Collects what is found in one segment. A segment of noise breaks millions of rules: what is beyond
/// the limit is counted.
struct FindingLog {
  static let limit = 100

  let segment: String
  private(set) var findings: [Finding] = []
  private(set) var omitted = 0

  init(_ segment: String) { self.segment = segment }

  mutating func report(
    _ severity: Finding.Severity = .damage, at byte: Int, _ place: @autoclosure () -> String,
    found: @autoclosure () -> String, expected: @autoclosure () -> String
  ) {
    guard findings.count < Self.limit else {
      omitted += 1
      return
    }
    findings.append(
      Finding(
        severity: severity, segment: segment, byte: byte, place: place(), found: found(),
        expected: expected()))
  }

  /// Reports unless a field has one of its values.
  mutating func require<Value: Equatable>(
    _ value: Value, _ expected: Value, at byte: Int, _ place: @autoclosure () -> String
  ) {
    if value != expected {
      report(at: byte, place(), found: "\(value)", expected: "\(expected)")
    }
  }

  mutating func require<Value: Comparable>(
    _ value: Value, in range: ClosedRange<Value>, at byte: Int, _ place: @autoclosure () -> String
  ) {
    if !range.contains(value) {
      report(
        at: byte, place(), found: "\(value)",
        expected: "\(range.lowerBound) to \(range.upperBound)")
    }
  }
}
